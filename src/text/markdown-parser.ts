import MarkdownIt from 'markdown-it'
import { addBlocks } from './markdown-blocks.js'
import { addMarks } from './markdown-marks.js'

/** markdown-it with the rules of messages alone. */
export const parser = new MarkdownIt('zero', { maxNesting: 100 })

addBlocks(parser)
addMarks(parser)
parser.core.ruler.enableOnly(['block', 'inline', 'text_join'])
