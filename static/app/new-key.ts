/** A key that no other message has. Not crypto.randomUUID, which plain http on a local network does not have. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
