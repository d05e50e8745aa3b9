/**
 * The form by which names are compared: two names are the same name when these are equal. Applied until nothing changes,
 * so that folding a folded name gives it back: a fold that does not let people take over accounts
 * ("Creative usernames and Spotify account hijacking", 2013). Upper before lower case, as that joins ß with ss and ς with σ.
 */
export function foldUsername(name: string): string {
  for (let folded = name; ; ) {
    const next = folded.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
    if (next === folded) {
      return folded
    }
    folded = next
  }
}

/** The original's rule for names, after NFKC, less what nobody can see or tell apart. Undefined when the name will do. */
export function usernameFault(name: string): string | undefined {
  if ([...name].length > 150) {
    return 'Ensure this field has no more than 150 characters.'
  }
  if (!/^[\p{L}\p{N}@.+_-]+$/u.test(name) || /\p{Default_Ignorable_Code_Point}/u.test(name)) {
    return 'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'
  }
  if (LOOKALIKE_SCRIPTS.filter(script => script.test(name)).length > 1) {
    return 'Enter a valid username. Its letters must be of one alphabet.'
  }
  return undefined
}

/** Alphabets whose letters pass for one another's (Unicode Technical Standard 39): аnn is not ann. */
const LOOKALIKE_SCRIPTS = [
  /\p{Script=Latin}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Georgian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
]
