/** The reactions to a message, each with its name for screen readers. */
export const REACTIONS: Readonly<Record<string, string>> = {
  '👍': 'thumbs up',
  '❤️': 'heart',
  '😂': 'tears of joy',
  '🎉': 'party',
  '😮': 'surprised',
  '😢': 'sad',
}
