import { createReadStream, createWriteStream } from 'node:fs'
import { realpath, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { findListedChat } from '../db/chat-list.js'
import { versionNow } from '../db/exports.js'
import { ImportMoved } from '../db/imports.js'
import type { Db } from '../db/schema.js'
import { FORMATS, type FormatName } from '../http/export-formats.js'
import { exportChat } from '../http/exporting.js'
import { BadFile, itemsOf, linesOf } from '../http/import-file.js'
import { importChat, OtherFile } from '../http/importing.js'
import { keyHash } from '../keys.js'
import { OperatorError } from '../operator-error.js'
import { asLine } from '../text/controls.js'
import { progressBar } from './progress.js'

type ListedChat = NonNullable<Awaited<ReturnType<typeof findListedChat>>>

/** Writes the chat into a new file, in the format that its name ends in, and returns how many bytes that took. A part of a file is removed again. */
export async function exportTo(db: Db, chat: ListedChat, file: string): Promise<number> {
  const format = path.extname(file).slice(1) as FormatName
  if (!Object.hasOwn(FORMATS, format)) {
    throw new OperatorError(asLine(`The name of the file has to end in one of .${Object.keys(FORMATS).join(', .')}.`))
  }
  const { id: chat_id, title, name, owner: username, owner_name, owner_id, created_at } = chat
  const until = await versionNow(db, chat_id)
  const owner = { id: owner_id, username, name: owner_name }
  const bar = progressBar('Exporting')
  let reached = 0
  const pieces = exportChat(db, {
    chat_id,
    user_id: null,
    format,
    exported: { title, name, owner, created_at, after: 0, until },
    reached: version => {
      reached = version
    },
  })
  const measured = async function* () {
    for await (const piece of pieces) {
      const bytes = Buffer.byteLength(piece)
      bar.advance(bytes, ((bar.done + bytes) * until) / Math.max(1, reached))
      yield piece
    }
  }
  // Only its owner may read it.
  const target = createWriteStream(file, { flags: 'wx', mode: 0o600 })
  try {
    await pipeline(Readable.from(measured(), { objectMode: false }), target)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new OperatorError(asLine(`${file} is there already. Choose another name.`))
    }
    await rm(file, { force: true })
    throw code?.startsWith('E') ? new OperatorError(asLine(`${file} cannot be written: ${message}.`)) : error
  }
  bar.end()
  return bar.done
}

/** Makes a new chat of the account's from the file. One that was stopped goes on with the same file. */
export async function importFrom(db: Db, file: string, owner_id: number) {
  const whole = await realpath(file).catch(() => {
    throw new OperatorError(asLine(`There is no file ${file}.`))
  })
  const { size } = await stat(whole)
  const bar = progressBar('Importing')
  const measured = async function* () {
    for await (const chunk of createReadStream(whole)) {
      bar.advance(chunk.length, size)
      yield chunk as Buffer
    }
  }
  const items = (path.extname(whole) === '.json' ? itemsOf : linesOf)(measured())
  const work = { user_id: owner_id, key: `file ${keyHash(whole).toString('base64url')}`, title: null }
  const imported = await importChat(db, items, work).catch(error => {
    throw error instanceof BadFile
      ? new OperatorError(asLine(`${file}: ${error.message}`))
      : error instanceof OtherFile
        ? new OperatorError(
            asLine(`${file} has been changed since its import began. Give it another name to start anew.`),
          )
        : error instanceof ImportMoved
          ? new OperatorError(asLine(`${file} is being imported already.`))
          : error
  })
  bar.end()
  return imported
}
