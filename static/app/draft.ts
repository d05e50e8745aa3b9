import { recall, remember } from './storage.ts'

/** A message that is being written, and the key that it will be sent with. */
export interface Draft {
  text: string
  key: string
}

/**
 * What is typed outlives a reload, the window, and signing in again. Each user has their own drafts at this browser, one for each
 * chat: `slot` names both.
 */
export function keepDraft(slot: string, draft: Draft) {
  remember(slot, draft.text === '' ? null : draft)
}

export function recallDraft(slot: string): Draft | null {
  return recall(slot) as Draft | null
}
