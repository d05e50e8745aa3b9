/**
 * Registers the worker, which shows /offline and notifications. Browsers have workers in secure contexts alone. Signing out takes it away,
 * with all else that is stored.
 */
export function registerWorker() {
  if ('serviceWorker' in navigator) {
    // Browsers can be told to keep nothing. Pages work without.
    navigator.serviceWorker.register('/service-worker.js').catch(() => {})
  }
  if (document.querySelector('[data-offline]')) {
    addEventListener('online', () => location.reload())
  }
}
