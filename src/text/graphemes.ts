/** Divides a text into what readers take for single characters: 🇩🇪 is one, though it has two code points. */
export const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
