import { randomKey } from '../keys.js'
import { compressed, type Piece, stored, storedAgain } from '../live/pieces.js'
import type { Cut } from '../live/surroundings.js'
import type { FrameValues } from './view-values.js'
import type { Views } from './views.js'

/** What each request puts into HTML that was rendered before, by name. */
export type Own<Name extends string> = Readonly<Record<Name, Piece>>

/** Compresses what stands between two marks, with what stands before it. */
type Compress = (text: string, before: string) => Piece

/**
 * Renders HTML with marks in the place of what each request puts in, and cuts it there. What is compressed has nothing of that: a piece
 * may repeat those before it, over as many zeros as stand between them of what it must not know. Behind a name of `alone` it repeats
 * nothing, as what comes there has another length each time.
 */
export function cut<Name extends string>(
  own: Own<Name>,
  alone: readonly NoInfer<Name>[],
  render: (mark: (name: Name) => string) => string,
  compress: Compress = compressed,
): Cut<Name> {
  // Nobody can guess it, so no text can contain it.
  const secret = randomKey(16)
  const [begin = '', ...rest] = render(name => `${secret}${name}.`).split(secret)
  const parts: (Piece | Name)[] = [compress(begin, '')]
  let before = begin
  for (const part of rest) {
    const end = part.indexOf('.')
    const name = part.slice(0, end) as Name
    const text = part.slice(end + 1)
    before = alone.includes(name) ? '' : before + '\0'.repeat(own[name].length)
    parts.push(name, compress(text, before))
    before += text
  }
  return parts
}

/** What each request puts into the frame of its page. */
export function ownOfFrame(views: Views, { user, user_initial, csrf, form_key }: FrameValues) {
  return {
    csrf: storedAgain(csrf),
    form_key: stored(form_key),
    user_name: storedAgain(views.escape(user?.name ?? '')),
    user_initial: storedAgain(views.escape(user_initial)),
  }
}

/** The frame with marks in the place of that. */
export function markedFrame(frame: FrameValues, mark: (name: keyof ReturnType<typeof ownOfFrame>) => string) {
  return {
    ...frame,
    user: frame.user && { ...frame.user, name: mark('user_name') },
    user_initial: mark('user_initial'),
    csrf: mark('csrf'),
    form_key: mark('form_key'),
  }
}

/** The HTML with what one request puts in. */
export function filled<Name extends string>(parts: Cut<Name>, own: Own<Name>): Piece[] {
  return parts.map(part => (typeof part === 'string' ? own[part] : part))
}

/** How long everything is that is put in: pieces of HTML that is cut are compressed for that. */
export function lengthsOf(own: Own<string>): number[] {
  return Object.values(own).map(({ length }) => length)
}
