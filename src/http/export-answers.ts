import { z } from 'zod'
import { EVENT_KINDS } from '../db/schema.js'
import { actor, id, messageOf, time, url, user, version } from './answers.js'
import { FORMAT_NAMES } from './export-formats.js'

export const exports = z.object({
  version: version.meta({ description: 'Up to which an export goes that begins now.' }),
  items: z.array(z.object({ format: z.enum(FORMAT_NAMES), url })),
  running: z
    .array(z.object({ format: z.string(), version, until: version }))
    .meta({ description: 'Your own exports of this chat, as far as this process runs them.' }),
})

const { html: _html, user: _user, ...exportedMessage } = messageOf.shape
const exportedEvent = z.object({
  event: z.enum(EVENT_KINDS),
  ...exportedMessage,
  user: user.pick({ id: true, username: true, name: true, guest: true, kind: true }),
  by: actor,
})

const exportHead = z.object({
  event: z.literal('export'),
  format: z.literal(1),
  title: z.string().nullable(),
  owner: z.object({ id, username: z.string(), name: z.string() }),
  created_at: time,
  exported_at: time,
  after: version,
  version: version.meta({ description: 'Up to which it goes.' }),
})
const goneReason = z.enum(['left', 'removed', 'signed_out', 'deleted', 'restart'])

/** What an NDJSON export consists of. */
export const exportLine = z
  .union([
    exportHead,
    exportedEvent.meta({
      description:
        'An event. `changed` with an `id` lower than its `version` is a message as it was changed during the export.',
    }),
    z.object({ event: z.literal('end'), version, events: z.int().min(0), changed: z.int().min(0) }),
    z.object({ event: z.literal('gone'), reason: goneReason }),
  ])
  .meta({ id: 'ExportLine' })

/** An export as one JSON document. */
export const exportedChat = z.object({
  ...exportHead.shape,
  events: z.array(exportedEvent),
  end: z.int().min(0).optional().meta({ description: 'How many events there are.' }),
  gone: goneReason.optional().meta({ description: 'In place of `end`, where who asked may not read on.' }),
})

export const exportedFile = z.string().meta({ description: 'A file. In NDJSON each line is an ExportLine.' })
