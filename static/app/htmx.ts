/** The parts of htmx 4 that this script uses. htmx stands before it in the same file. */
declare global {
  const htmx: {
    trigger(target: Element | string, name: string): void
    /** Resolves when the answer is in the page, and also where none came. */
    ajax(
      verb: string,
      path: string,
      how: { source: Element; target?: Element | string; swap: string; values?: object },
    ): Promise<void>
  }
}

/** What htmx's events tell of a request. */
interface HtmxRequest {
  sourceElement: Element
  request: { body: FormData; method: string }
  /** Not there where no answer came. */
  response?: { status: number; headers: Headers }
  /** The answer's body, once it has been read. */
  text?: string
}

/** The request that an event of htmx is about. */
export function requestOf(event: Event): HtmxRequest {
  return (event as CustomEvent<{ ctx: HtmxRequest }>).detail.ctx
}

/** Whether the answer says by itself what is wrong. The answer of a proxy does not. */
export function explains({ text }: HtmxRequest): boolean {
  return text?.includes('<hx-partial') ?? false
}
