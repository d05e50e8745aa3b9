/** Whether the reader has this page before them: not in another tab, and not behind another window. */
export function isInFront(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus()
}
