/**
 * A failure whose message is a sentence for the person at the terminal that says what to do. Every other error is a mistake
 * of the program and is shown with its stack.
 */
export class OperatorError extends Error {}
