/** What one can react to a message with, and what it is called where it is read out. */
export const REACTIONS: Readonly<Record<string, string>> = {
  '👍': 'thumbs up',
  '❤️': 'heart',
  '😂': 'tears of joy',
  '🎉': 'party',
  '😮': 'surprised',
  '😢': 'sad',
}
