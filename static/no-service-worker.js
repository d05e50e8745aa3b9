// In the place of service-worker.js this takes the worker out of every browser that has it, at its next visit.
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', event => event.waitUntil(self.registration.unregister()))
