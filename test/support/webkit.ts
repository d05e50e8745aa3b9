import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from './programs.js'
import { until } from './server.js'
import { installed, type Window } from './window.js'

/** How a key is written in WebDriver (W3C WebDriver, section 17.4.2). */
const KEYS = { Enter: '\uE007' }
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'

/** WebKitGTK's small browser on a screen of its own, controlled by WebDriver; undefined if it is not installed. */
export async function openWebKit({ javaScriptEnabled = true } = {}): Promise<Window | undefined> {
  const [driver, xvfb, binary] = await Promise.all([installed(['WebKitWebDriver']), installed(['Xvfb']), miniBrowser()])
  if (!driver || !xvfb || !binary) {
    return undefined
  }
  const screen = spawn(xvfb, ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const [number] = await once(screen.stdio[3] as NodeJS.ReadableStream, 'data')
  const port = await freePort()
  const server = spawn(driver, [`--port=${port}`], {
    env: { ...process.env, DISPLAY: `:${String(number).trim()}` },
    stdio: 'ignore',
  })
  const stop = async () => {
    for (const child of [server, screen]) {
      if (child.exitCode === null && child.kill()) {
        await once(child, 'exit')
      }
    }
  }

  async function command<Value>(method: 'GET' | 'POST' | 'DELETE', at: string, body?: unknown): Promise<Value> {
    const answer = await fetch(`http://127.0.0.1:${port}/session${at}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const { value } = (await answer.json()) as { value: Value & { error?: string; message?: string } }
    if (!answer.ok) {
      throw new Error(`${value.error}: ${value.message}`)
    }
    return value
  }

  try {
    await until(() =>
      fetch(`http://127.0.0.1:${port}/status`).then(
        answer => answer.ok,
        () => false,
      ),
    )
    const { sessionId } = await command<{ sessionId: string }>('POST', '', {
      capabilities: {
        alwaysMatch: {
          browserName: 'MiniBrowser',
          pageLoadStrategy: 'none',
          'webkitgtk:browserOptions': { binary, args: ['--automation', `--enable-javascript=${javaScriptEnabled}`] },
        },
      },
    })
    const at = `/${sessionId}`
    return {
      async open(url) {
        await command('POST', `${at}/url`, { url })
      },
      async type(selector, text) {
        const found = await command<Record<string, string>>('POST', `${at}/element`, {
          using: 'css selector',
          value: selector,
        })
        await command('POST', `${at}/element/${found[ELEMENT]}/value`, { text })
      },
      async press(key) {
        const actions = ['keyDown', 'keyUp'].map(type => ({ type, value: KEYS[key] }))
        await command('POST', `${at}/actions`, { actions: [{ type: 'key', id: 'keyboard', actions }] })
      },
      async click(element) {
        const script = `const element = ${element}; element.scrollIntoView({ block: 'center' }); return element`
        const found = await command<Record<string, string>>('POST', `${at}/execute/sync`, { script, args: [] })
        await command('POST', `${at}/element/${found[ELEMENT]}/click`, {})
      },
      read: expression => command('POST', `${at}/execute/sync`, { script: `return ${expression}`, args: [] }),
      async close() {
        await command('DELETE', at)
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** It is not on the path, and the name of its folder depends on the machine: /usr/lib/x86_64-linux-gnu/webkit2gtk-4.1. */
async function miniBrowser(): Promise<string | undefined> {
  for (const folder of ['/usr/lib', '/usr/libexec']) {
    const names = await readdir(folder).catch(() => [])
    const inside = [folder, ...names.map(name => path.join(folder, name))]
    for (const place of inside) {
      const found = await installed(
        ['MiniBrowser'],
        [path.join(place, 'webkit2gtk-4.1'), path.join(place, 'webkit2gtk-4.0')],
      )
      if (found) {
        return found
      }
    }
  }
  return undefined
}
