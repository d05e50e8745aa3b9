/** How long an answer may take that a finding is made of, in milliseconds. */
export const PATIENCE = 5_000

export const GB = 1024 ** 3

/** What was looked at, how it is, and what to do about it, which is empty if nothing has to be done. */
export interface Finding {
  what: string
  state: 'ok' | 'warn' | 'bad'
  says: string
  todo: string
}

export const ok = (what: string, says: string): Finding => ({ what, state: 'ok', says, todo: '' })
export const warn = (what: string, says: string, todo: string): Finding => ({ what, state: 'warn', says, todo })
export const bad = (what: string, says: string, todo: string): Finding => ({ what, state: 'bad', says, todo })
