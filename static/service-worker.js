// Shows /offline where a page cannot be fetched, and notifications where the page may not (phones). It keeps FILES (src/http/assets.ts puts the list
// in front) and nothing else: no page with words of a chat.
self.addEventListener('install', event => {
  event.waitUntil(keepFiles())
  self.skipWaiting()
})

self.addEventListener('activate', event => {
  // The page is fetched while the worker starts, so that it is no slower than without one.
  event.waitUntil(Promise.all([self.registration.navigationPreload?.enable(), self.clients.claim()]))
})

self.addEventListener('fetch', event => {
  const { method, destination, url } = event.request
  if (method === 'GET' && (destination === 'document' || FILES.includes(new URL(url).pathname))) {
    event.respondWith(answer(event, destination === 'document' ? FILES[0] : event.request))
  }
})

self.addEventListener('notificationclick', event => {
  event.notification.close()
  event.waitUntil(openPage(event.notification.tag))
})

async function keepFiles() {
  await caches.delete('offline')
  const cache = await caches.open('offline')
  await cache.addAll(FILES)
}

async function answer({ preloadResponse, request }, kept) {
  try {
    return (await preloadResponse) ?? (await fetch(request))
  } catch {
    return (await caches.match(kept)) ?? Response.error()
  }
}

async function openPage(path) {
  const pages = await self.clients.matchAll({ type: 'window' })
  const page = pages.find(({ url }) => new URL(url).pathname === path)
  await (page ? page.focus() : self.clients.openWindow(path))
}
