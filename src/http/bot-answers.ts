import { z } from 'zod'
import { done, id, madeToken, time, url, user, version } from './answers.js'

/** It names no chat: who knows the address of a hook may not know that. */
export const postedByHook = z.object({ ...done, message: z.string(), user, id, version, created_at: time })

export const hookAddress = z.object({ hook_url: url.meta({ description: 'Shown this once.' }) })
const bot = { id, name: z.string(), kind: z.literal('bot') }
export const newBotMade = z.object({ ...bot, ...madeToken.shape, ...hookAddress.shape })
export const botList = z.object({
  items: z.array(
    z
      .object({
        ...bot,
        created_at: time,
        hook: z.object({ created_at: time, last_used_at: time.nullable() }).nullable(),
      })
      .meta({ id: 'Bot' }),
  ),
  next: url.nullable(),
  prev: url.nullable(),
})
