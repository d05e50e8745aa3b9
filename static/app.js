// Comforts on top of pages that work without them. Each function is one behaviour and finds its elements by a data- attribute.
;(() => {
  const messages = document.querySelector('[data-messages]')
  const composer = document.querySelector('[data-composer]')
  const alert = document.getElementById('alert')

  localiseTimes(document)
  document.querySelector('[data-sign-out]')?.addEventListener('submit', forget)
  for (const source of document.querySelectorAll('[data-share]')) shareButton(source)
  for (const source of document.querySelectorAll('[data-copy]')) copyButton(source)
  if (messages) {
    localiseDays()
    const log = document.querySelector('[data-log]')
    const follow = followNews(log)
    const newsOf = tellNews()
    const reading = tellRead(log, follow)
    const title = countInTitle()
    const alerts = alertElsewhere()
    const typists = showTyping()
    jumpToUnread(log)
    tellTyping(log)
    mendAddress(log)
    // Whatever brings messages (a poll, an answer, older ones), it is seen here before it is painted.
    const observer = new MutationObserver(changes => {
      const came = changes.flatMap(change => [...change.addedNodes])
      const kinds = came.flatMap(node => node.dataset?.kind ?? [])
      if (kinds.length > 0) htmx.trigger('#members', 'members-changed')
      if (kinds.some(kind => ['renamed', 'changed', 'owner'].includes(kind))) htmx.trigger('#chat-head', 'chat-changed')
      for (const own of came.filter(node => node.matches?.('[data-key]'))) sending?.arrived(own.dataset.key)
      for (const changed of came.filter(node => node.matches?.('[data-replaces]'))) putInPlace(changed)
      for (const named of came.filter(node =>
        node.matches?.('[data-kind=named], [data-kind=left], [data-kind=joined]'),
      ))
        rename(named)
      markMentions()
      const news = newsOf(came)
      if (news.length > 0 && !isInFront()) {
        title.count(news.length)
        drawLine(news[0])
        alerts.news(news)
      }
      for (const message of news) typists.over(message.dataset.author)
      localiseTimes(messages)
      localiseDays()
      follow.settle()
      if (news.length > 0) reading.more()
      observer.takeRecords()
    })
    const sending = composer ? sendInPlace(follow) : undefined
    observer.observe(messages, { childList: true })
    markMentions()
    openMenus()
    keepHead(document.querySelector('[data-head]'))
    mendConnection()
    quietOlder(log)
  }

  /** A message that was changed comes like any other, and takes the place of what stood there; where that is not shown it goes. */
  function putInPlace(changed) {
    changed.removeAttribute('data-replaces')
    const old = [...messages.querySelectorAll(`[id="${changed.id}"]`)].find(item => item !== changed)
    if (old) old.replaceWith(changed)
    else changed.remove()
    const words = changed.querySelector('.message__text')?.textContent.trim() ?? 'deleted message'
    const id = changed.id.replace('message-', '')
    for (const quote of messages.querySelectorAll(`[data-quotes="${id}"] .quote__text`)) {
      quote.textContent = words.length > 120 ? `${[...words].slice(0, 120).join('')}…` : words
    }
  }

  /** Nobody goes on standing under a name that is another's by now, or that they have given up with their account. */
  function rename(named) {
    const name = named.querySelector('bdi').textContent
    const guest = named.querySelector('.guest')
    for (const who of messages.querySelectorAll(`.message[data-author="${named.dataset.author}"] .message__who`)) {
      who.querySelector('bdi').textContent = name
      who.querySelector('.guest')?.remove()
      if (guest) who.append(' ', guest.cloneNode(true))
    }
    for (const who of messages.querySelectorAll(`.aside[data-author="${named.dataset.author}"] > bdi:first-child`)) {
      who.textContent = name
    }
  }

  /** The reader's own name stands out; the server renders one message for all readers. */
  function markMentions() {
    for (const mention of messages.querySelectorAll(`.mention[data-user="${messages.dataset.me}"]:not(.mention--me)`)) {
      mention.classList.add('mention--me')
      mention.closest('.message').classList.add('message--for-me')
    }
  }

  /** What can be done to a message opens below it and closes again; without this its link leads to its page. */
  function openMenus() {
    const close = () => {
      for (const menu of messages.querySelectorAll('.message__menu:not(:empty)')) menu.replaceChildren()
    }
    messages.addEventListener(
      'click',
      event => {
        const link = event.target.closest('[data-menu]')
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
        const wasOpen = link.closest('.message').querySelector('.message__menu:not(:empty)')
        close()
        if (wasOpen) {
          event.preventDefault()
          event.stopPropagation()
        }
      },
      { capture: true },
    )
    document.addEventListener('keydown', event => {
      if (event.key !== 'Escape') return
      const link = messages.querySelector('.message:has(.message__menu:not(:empty)) [data-menu]')
      close()
      link?.focus()
    })
    document.getElementById('reply')?.addEventListener('htmx:after:swap', () => {
      close()
      composer.elements.message.focus()
    })
  }

  function localiseTimes(root) {
    for (const time of root.querySelectorAll('time:not([title])')) {
      const date = new Date(time.dateTime)
      time.title = date.toLocaleString([], { dateStyle: 'full', timeStyle: 'medium' })
      if (time.closest('.day')) continue
      const clock = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
      const today = date.toDateString() === new Date().toDateString()
      const day = date.toLocaleDateString([], { dateStyle: 'medium' })
      time.textContent = 'when' in time.dataset && !today ? `${day}, ${clock}` : clock
    }
  }

  /** What stands above the messages comes again when its owner changes the chat. */
  function keepHead(head) {
    new MutationObserver(() => {
      for (const source of head.querySelectorAll('[data-copy]:not(:has(+ button))')) copyButton(source)
      localiseTimes(head)
    }).observe(head, { childList: true })
  }

  /** The server separates days as UTC has them; the reader's own begin elsewhere. */
  function localiseDays() {
    let last = ''
    let separator = null
    for (const item of [...messages.children]) {
      if (item.matches('.day')) {
        separator?.remove()
        separator = item
        continue
      }
      const time = item.querySelector('time')
      if (!time) continue
      const date = new Date(time.dateTime)
      if (date.toDateString() === last) {
        separator?.remove()
      } else {
        last = date.toDateString()
        separator ??= document.createElement('li')
        separator.className = 'day'
        const words = date.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
        if (separator.textContent !== words) separator.textContent = words
        if (separator.nextElementSibling !== item) item.before(separator)
      }
      separator = null
    }
  }

  /**
   * Keeps the end in view for a reader who was there, and every other reader's place where it was (Safari anchors nothing by
   * itself). The log is laid out from its end, so its scrollTop is 0 there and negative above.
   */
  function followNews(log) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'news'
    button.textContent = 'New messages ↓'
    button.hidden = true
    log.after(button)
    let atEnd = true
    let anchor = null
    let top = 0
    let newest = newestMessage()

    function notice() {
      atEnd = Math.abs(log.scrollTop) < 40
      if (atEnd) button.hidden = true
      const edge = log.getBoundingClientRect().top
      anchor = [...messages.children].find(
        item => !item.hidden && item.getBoundingClientRect().bottom > edge && item.id,
      )
      top = anchor?.getBoundingClientRect().top ?? 0
    }
    function toEnd() {
      log.scrollTop = 0
      notice()
    }
    function newestMessage() {
      return [...messages.querySelectorAll('.message')].at(-1)?.id
    }
    log.addEventListener('scroll', notice, { passive: true })
    // A composer that grows, an alert, a keyboard: all move the end of the log without a scroll event.
    new ResizeObserver(() => (atEnd ? toEnd() : notice())).observe(log)
    button.addEventListener('click', () => {
      toEnd()
      document.getElementById('message')?.focus()
    })
    notice()
    return {
      toEnd,
      get atEnd() {
        return atEnd
      },
      settle() {
        const came = newestMessage() !== newest
        newest = newestMessage()
        if (atEnd) {
          toEnd()
          return
        }
        if (anchor?.isConnected) log.scrollTop += anchor.getBoundingClientRect().top - top
        notice()
        if (came && !atEnd) button.hidden = false
      },
    }
  }

  /** Whether the reader has this page before them: not in another tab, nor behind another window. */
  function isInFront() {
    return document.visibilityState === 'visible' && document.hasFocus()
  }

  /** Finds, among what came into the list, the messages of others that are new: not older ones, nor what takes the place of one. */
  function tellNews() {
    const number = item => Number(/^message-(\d+)$/.exec(item.id ?? '')?.[1] ?? 0)
    let newest = Math.max(0, ...[...messages.children].map(number))
    return came => {
      const news = came.filter(node => number(node) > newest)
      newest = Math.max(newest, ...news.map(number))
      return news.filter(node => node.isConnected && !node.matches('.message--mine'))
    }
  }

  /** Says how far the reader has read, where the end of the list is before them: seldom, and at once when they go. */
  function tellRead(log, follow) {
    const version = () => Number(messages.querySelector('.tail input')?.value ?? 0)
    let told = version()
    let wanted = false
    let timer = null

    async function tell(keepalive) {
      clearTimeout(timer)
      timer = null
      const before = told
      const reached = version()
      if (!wanted || reached <= told) return
      wanted = false
      told = reached
      const headers = {
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'X-CSRF-Token': composer?.elements.csrf.value ?? '',
      }
      const body = JSON.stringify({ version: reached })
      try {
        const answer = await fetch(`${log.dataset.log}/read`, { method: 'PUT', keepalive, headers, body })
        if (answer.ok) return
      } catch {}
      // Said again when there is more to say.
      told = before
    }
    function look() {
      if (document.visibilityState !== 'visible' || !follow.atEnd || version() <= told) return
      wanted = true
      timer ??= setTimeout(() => void tell(false), 2000)
    }
    log.addEventListener('scroll', look, { passive: true })
    document.addEventListener('visibilitychange', () => void (document.hidden ? tell(true) : look()))
    addEventListener('pagehide', () => void tell(true))
    return { more: look }
  }

  /** How many messages came while the reader was elsewhere. */
  function countInTitle() {
    const { title } = document
    let missed = 0
    function back() {
      if (!isInFront()) return
      missed = 0
      document.title = title
    }
    addEventListener('focus', back)
    document.addEventListener('visibilitychange', back)
    return {
      count(more) {
        missed += more
        document.title = `(${missed > 99 ? '99+' : missed}) ${title}`
      },
    }
  }

  /**
   * A sound and a notification for what comes while the reader is elsewhere, each where they asked for it and the browser has it. A
   * page that is to tell them goes on listening in the background; any other saves its connection there.
   */
  function alertElsewhere() {
    const choices = document.querySelector('[data-alerts]')
    if (!choices) return { news() {} }
    const sound = choice('Sound')
    const notify = choice('Notifications')
    let connection = null
    let speaker = null
    let alertedAt = Number.NEGATIVE_INFINITY
    const canNotify = isSecureContext && 'Notification' in window

    choices.hidden = false
    sound.parentElement.hidden = !('AudioContext' in window)
    notify.parentElement.hidden = !canNotify
    sound.checked = recall('sound') === true
    notify.checked = canNotify && Notification.permission === 'granted' && recall('notify') === true

    /** Made here, as text browsers would offer what is hidden in the page. */
    function choice(words) {
      const label = document.createElement('label')
      label.className = 'alerts__choice'
      const input = document.createElement('input')
      input.type = 'checkbox'
      label.append(input, ` ${words}`)
      choices.append(label)
      return input
    }

    function listenOn() {
      const { visibilityHandler } = connection ?? {}
      if (!visibilityHandler) return
      const pauses = !sound.checked && !notify.checked
      document[pauses ? 'addEventListener' : 'removeEventListener']('visibilitychange', visibilityHandler)
    }
    document.addEventListener('htmx:sse:after:connection', event => {
      connection = event.detail.connection
      listenOn()
    })
    sound.addEventListener('change', () => {
      remember('sound', sound.checked || null)
      listenOn()
      if (sound.checked) ring()
    })
    notify.addEventListener('change', async () => {
      if (notify.checked && (await Notification.requestPermission()) !== 'granted') {
        notify.checked = false
        say('Your browser does not allow notifications from this site. Allow them in its settings first.', 'alerts')
      }
      remember('notify', notify.checked || null)
      listenOn()
    })
    // Browsers let a page sound only after its reader has done something there.
    for (const gesture of ['pointerdown', 'keydown']) {
      addEventListener(gesture, () => sound.checked && wake(), { once: true })
    }

    function wake() {
      speaker ??= new AudioContext()
      if (speaker.state === 'suspended') speaker.resume().catch(() => {})
      return speaker
    }
    function ring() {
      const to = wake()
      const tone = to.createOscillator()
      const volume = to.createGain()
      tone.frequency.setValueAtTime(660, to.currentTime)
      tone.frequency.setValueAtTime(880, to.currentTime + 0.09)
      volume.gain.setValueAtTime(0.12, to.currentTime)
      volume.gain.exponentialRampToValueAtTime(0.001, to.currentTime + 0.3)
      tone.connect(volume).connect(to.destination)
      tone.start()
      tone.stop(to.currentTime + 0.3)
    }
    function show(message) {
      const words = [...message.querySelector('.message__text').textContent.trim()]
      const body = words.length > 120 ? `${words.slice(0, 120).join('')}…` : words.join('')
      try {
        const shown = new Notification(message.querySelector('.message__author').textContent, {
          body,
          tag: location.pathname,
          renotify: true,
          silent: sound.checked,
        })
        shown.onclick = () => {
          window.focus()
          shown.close()
        }
        setTimeout(() => shown.close(), 8000)
      } catch {
        // Phones have them for service workers alone.
        notify.parentElement.hidden = true
      }
    }
    return {
      news(messages) {
        const told = messages.filter(message => message.querySelector('.message__text'))
        const named = told.findLast(message => message.querySelector('.mention--me'))
        const message = named ?? told.at(-1)
        // Not once for each of many; but whoever is named is told.
        if (!message || (!named && performance.now() - alertedAt < 2000)) return
        alertedAt = performance.now()
        if (sound.checked && speaker) ring()
        if (notify.checked) show(message)
      },
    }
  }

  /** Says that the reader is typing: every 3 s at most, and anew after what they sent. */
  function tellTyping(log) {
    const text = composer?.elements.message
    let toldAt = Number.NEGATIVE_INFINITY
    text?.addEventListener('input', event => {
      if (!event.isTrusted || text.value.trim() === '' || performance.now() - toldAt < 3000) return
      toldAt = performance.now()
      fetch(`${log.dataset.log}/typing`, {
        method: 'POST',
        headers: {
          Accept: 'application/json',
          'Content-Type': 'application/json',
          'X-CSRF-Token': composer.elements.csrf.value,
        },
        body: JSON.stringify({ after: messages.querySelector('.tail input')?.value }),
      }).catch(() => {})
    })
    composer?.addEventListener('htmx:config:request', () => {
      toldAt = Number.NEGATIVE_INFINITY
    })
  }

  /** Who is typing, in a line of its own, for 6 s or until what they typed has come. */
  function showTyping() {
    const line = document.querySelector('[data-typing]')
    const typists = new Map()

    function show() {
      const names = [...typists.values()].map(({ name }) => {
        const who = document.createElement('bdi')
        who.textContent = name
        return who
      })
      if (names.length === 0) line.replaceChildren()
      else if (names.length === 1) line.replaceChildren(names[0], ' is typing…')
      else if (names.length === 2) line.replaceChildren(names[0], ' and ', names[1], ' are typing…')
      else line.replaceChildren('Several people are typing…')
    }
    function over(id) {
      clearTimeout(typists.get(String(id))?.timer)
      if (typists.delete(String(id))) show()
    }
    document.getElementById('live')?.addEventListener('typing', event => {
      const { id, name } = JSON.parse(event.detail.data).user
      clearTimeout(typists.get(String(id))?.timer)
      typists.set(String(id), { name, timer: setTimeout(over, 6000, id) })
      show()
    })
    return { over }
  }

  /** The line before what is new: one, where the reader went away last. */
  function drawLine(first) {
    const line = document.getElementById('new') ?? document.createElement('li')
    if (line.dataset.away !== undefined) return
    line.id = 'new'
    line.className = 'new'
    line.dataset.away = ''
    const words = document.createElement('span')
    words.className = 'new__words'
    words.textContent = 'New'
    line.replaceChildren(words)
    first.before(line)
    addEventListener('focus', () => delete line.dataset.away, { once: true })
  }

  /** The first unread message is in the list most of the time: then it is a few lines up, and no other page. */
  function jumpToUnread(log) {
    const link = document.querySelector('[data-unread]')
    const line = document.getElementById('new')
    if (!link || !line) return
    link.addEventListener('click', event => {
      event.preventDefault()
      line.scrollIntoView({ block: 'start' })
    })
    const seen = new IntersectionObserver(
      ([{ isIntersecting }]) => {
        if (!isIntersecting) return
        seen.disconnect()
        link.remove()
      },
      { root: log },
    )
    seen.observe(line)
  }

  /** One thing at a time, and by whom it was said. */
  function say(sentence, by) {
    const line = document.createElement('p')
    line.className = 'alert__sentence'
    line.textContent = sentence
    alert.replaceChildren(line)
    alert.dataset.by = by
  }

  /** Whether the answer says by itself what is wrong; a proxy's does not. */
  function explains(ctx) {
    return ctx.text?.includes('<hx-partial') ?? false
  }

  /** Says once what keeps the tail from its news, as all that is said is read out, and takes it back when it is over. */
  function mendConnection() {
    let trouble = null
    document.addEventListener('htmx:error', event => {
      if (!event.target.matches?.('.tail') || trouble === 'lost') return
      trouble = 'lost'
      say('The connection is lost. Trying again…', 'tail')
    })
    document.addEventListener('htmx:after:request', event => {
      const { ctx } = event.detail
      // The page says by itself that its stream is paused, and the tail what else is wrong.
      if (ctx.sourceElement.id === 'live' && ctx.response.status >= 400) event.preventDefault()
      if (!ctx.sourceElement.matches?.('.tail')) return
      const { status } = ctx.response
      if (status < 400) {
        if (trouble !== null && alert.dataset.by === 'tail') alert.replaceChildren()
        trouble = null
      } else if (trouble === status) {
        event.preventDefault()
      } else {
        trouble = status
        alert.dataset.by = 'tail'
        if (!explains(ctx)) say('New messages cannot be fetched at this moment. Trying again…', 'tail')
      }
    })
  }

  /** Older messages are not news: a screen reader is not to read them all out. */
  function quietOlder(log) {
    log.addEventListener('htmx:before:request', event => {
      if (event.target.matches('.older__link')) log.ariaBusy = 'true'
    })
    log.addEventListener('htmx:finally:request', () => {
      log.ariaBusy = 'false'
    })
  }

  /**
   * Sends without leaving the page: the text becomes a pending message and the composer is free at once. Each message has a
   * key of its own, so that sending it again cannot store it twice.
   */
  function sendInPlace(follow) {
    const text = composer.elements.message
    const key = composer.elements.key
    const pending = document.createElement('ul')
    pending.className = 'messages messages--pending'
    pending.setAttribute('aria-label', 'Being sent')
    messages.after(pending)
    const sent = new WeakMap()
    const reply = document.getElementById('reply')
    reply.addEventListener('click', event => {
      if (!event.target.matches('[data-cancel-reply]')) return
      event.preventDefault()
      reply.replaceChildren()
      text.focus()
    })

    if (matchMedia('(pointer: fine)').matches) text.focus()
    text.addEventListener('input', () => {
      text.rows = Math.min(6, text.value.split('\n').length)
      keepDraft()
    })
    if (text.value === '') restore(draft() ?? { text: '', key: key.value })
    else keepDraft()
    text.addEventListener('keydown', event => {
      // Safari ends a composition before it tells of the key that ended it: 229.
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
        event.preventDefault()
        composer.requestSubmit()
      }
    })

    composer.addEventListener('htmx:config:request', event => {
      const { ctx } = event.detail
      const body = ctx.request.body
      if (body.get('message').trim() === '') {
        event.preventDefault()
        return
      }
      const bubble = pendingBubble(body.get('message'), body.get('key'))
      pending.append(bubble)
      sent.set(ctx, { bubble, text: body.get('message'), key: body.get('key'), answers: [...reply.children] })
      reply.replaceChildren()
      alert.replaceChildren()
      alert.dataset.by = 'composer'
      restore({ text: '', key: newKey() })
      follow.toEnd()
    })

    // A message that waited for the one before it knows an old tail.
    composer.addEventListener('htmx:before:request', ({ detail: { ctx } }) => {
      const after = messages.querySelector('.tail input')?.value
      if (after) ctx.request.body.set('after', after)
    })

    composer.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => {
      const message = sent.get(ctx)
      if (!message) return
      const status = ctx.response?.status
      if (status >= 200 && status < 300) {
        message.bubble.remove()
        // Where a poll was faster the answer found no tail to replace: ask for the rest now.
        const [, id] = /id="(tail-\d+)"/.exec(ctx.text ?? '') ?? []
        const tail = messages.querySelector('.tail')
        if (tail && tail.id !== id) htmx.trigger(tail, 'catch-up')
      } else {
        if (!explains(ctx)) say('The message could not be sent: the server cannot be reached.', 'composer')
        // 422 stored nothing and never will; anything else may have stored it, and the same key finds out.
        giveBack({ ...message, key: status === 422 ? newKey() : message.key })
      }
      follow.settle()
    })

    return {
      /** The stream is often faster than the answer: the message does not stand there twice meanwhile. */
      arrived(key) {
        ;[...pending.children].find(waiting => waiting.dataset.key === key)?.remove()
      },
    }

    /** Puts the text back where it was typed, or, when something else stands there by now, keeps it in sight with a button. */
    function giveBack(message) {
      if (!message.bubble.isConnected) pending.append(message.bubble)
      if (text.value === '') {
        message.bubble.remove()
        restore(message)
        return
      }
      message.bubble.dataset.key = message.key
      message.bubble.classList.add('message--failed')
      const again = document.createElement('button')
      again.type = 'button'
      again.className = 'message__again'
      again.textContent = 'Not sent. Send again'
      again.addEventListener('click', () => {
        const typed = { text: text.value, key: key.value, answers: [...reply.children] }
        message.bubble.remove()
        restore(message)
        composer.requestSubmit()
        restore(typed)
        text.focus()
      })
      message.bubble.querySelector('.message__bubble').append(again)
    }

    function restore(message) {
      if (message.answers) reply.replaceChildren(...message.answers)
      text.value = message.text
      key.value = message.key
      text.dispatchEvent(new Event('input'))
    }

    /** What is typed outlives a reload, the window, and the way round by the login; it is its writer's, and nobody else's at this browser. */
    function keepDraft() {
      remember(slot(), text.value === '' ? null : { text: text.value, key: key.value })
    }

    function draft() {
      return recall(slot())
    }

    function slot() {
      return `draft of ${composer.dataset.composer} in ${composer.getAttribute('action')}`
    }
  }

  /** What the browser keeps for this site, where it keeps anything: it may be told not to, and be full. */
  function recall(name) {
    try {
      return JSON.parse(localStorage.getItem(name))
    } catch {
      return null
    }
  }

  function remember(name, value) {
    try {
      if (value === null) localStorage.removeItem(name)
      else localStorage.setItem(name, JSON.stringify(value))
    } catch {}
  }

  /** Whoever signs out leaves nothing behind: on plain http the server's word for that is not heard. */
  function forget() {
    try {
      localStorage.clear()
    } catch {}
  }

  /** After the way round by the login this page stands at the login's address: loading it again would send the form again. */
  function mendAddress(log) {
    if (!location.pathname.startsWith('/chats/')) history.replaceState(null, '', log.dataset.log)
  }

  function pendingBubble(text, key) {
    const item = document.createElement('li')
    item.className = 'message message--mine message--pending'
    item.dataset.key = key
    const bubble = document.createElement('div')
    bubble.className = 'message__bubble'
    const words = document.createElement('div')
    words.className = 'message__text'
    words.dir = 'auto'
    words.textContent = text
    bubble.append(words)
    item.append(bubble)
    return item
  }

  /** Not crypto.randomUUID, which plain http on a local network does not have. */
  function newKey() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('')
  }

  /** Copies where the browser lets us (not on plain http); else selects the text, ready for the reader's own copying. */
  function copyButton(source) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'share__copy'
    button.textContent = 'Copy'
    source.after(button)
    button.addEventListener('click', async () => {
      source.select()
      try {
        await navigator.clipboard.writeText(source.value)
      } catch {
        if (!document.execCommand('copy')) return
      }
      button.textContent = 'Copied'
      setTimeout(() => {
        button.textContent = 'Copy'
      }, 2000)
    })
  }

  /** Hands the address to the device's own way of sharing, where the browser has one (not on plain http). */
  function shareButton(source) {
    if (!navigator.share) return
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'share__copy'
    button.textContent = 'Share'
    source.after(button)
    button.addEventListener('click', async () => {
      try {
        await navigator.share({ title: document.title, url: source.value })
      } catch {
        // Whoever changes their mind is no error, and who cannot share can copy.
        source.select()
      }
    })
  }
})()
