/** How often each thing has happened since the process began. */
export class Tally<Thing extends string | number> extends Map<Thing, number> {
  note(thing: Thing) {
    this.set(thing, (this.get(thing) ?? 0) + 1)
  }
}
