// The second bundle: what no page needs for its first paint, and many readers never. static/app/later.ts loads it.
export { alertElsewhere } from './alerts.ts'
export { showActions } from './bar.ts'
export { offerChoices } from './choices.ts'
export { closeDetails } from './details.ts'
export { markMuted } from './muted.ts'
export { showRemoved } from './removal.ts'
export { offerSharing } from './share.ts'
export { tellTyping } from './tell-typing.ts'
