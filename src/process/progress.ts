const WIDTH = 30

/** A bar on the terminal, drawn anew ten times a second at most. Nothing where standard error is no terminal. */
export function progressBar(what: string) {
  let done = 0
  let drawnAt = 0
  const draw = (total: number) => {
    const part = total > 0 ? Math.min(1, done / total) : 0
    const bar = '█'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '░')
    process.stderr.write(`\r${what}  ${bar}  ${Math.round(part * 100)} %  ${megabytes(done)}`)
  }
  return {
    /** So many bytes more, of about `total` in all. */
    advance(bytes: number, total: number) {
      done += bytes
      if (process.stderr.isTTY && performance.now() - drawnAt > 100) {
        drawnAt = performance.now()
        draw(total)
      }
    },
    get done() {
      return done
    },
    end() {
      if (process.stderr.isTTY) {
        draw(done)
        process.stderr.write('\n')
      }
    },
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
}
