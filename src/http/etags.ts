/** Whether If-None-Match names the tag, by weak comparison (RFC 9110, section 13.1.2). A star stands for whatever there is. */
export function isNamed(header: string, etag: string): boolean {
  return header.trim() === '*' || header.includes(etag.replace('W/', ''))
}
