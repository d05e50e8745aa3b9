/** A member who is typing in a chat. */
export interface Typist {
  user_id: number
  /** The member's name in the chat. */
  name: string
  /** The version that they had of the chat: if they have posted after it, they have finished typing. */
  after: number
}

/** The sign that a member is typing, and its bytes, made once for all readers of a form. */
export class Typing {
  readonly typist: Typist
  private readonly buffers = new Map<string, Buffer>()

  constructor(typist: Typist) {
    this.typist = typist
  }

  buffer(form: string, make: (typist: Typist) => string): Buffer {
    let buffer = this.buffers.get(form)
    if (!buffer) {
      buffer = Buffer.from(make(this.typist))
      this.buffers.set(form, buffer)
    }
    return buffer
  }
}

export function typingJson({ user_id, name }: Typist) {
  return { user: { id: user_id, name } }
}
