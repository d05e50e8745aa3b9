// Written by bin/unicode.js, which says what these are. The search functions in src/db/functions have the same.

// biome-ignore format: one line for each class
export const SPACELESS = String.raw`\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\u{20000}-\u{3ffff}`

// biome-ignore format: one line for each class
export const SIGNS = String.raw`\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u17dd\u3099\u309a`

// biome-ignore format: one line for each class
export const ACCENTS = String.raw`\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u00ad`

// biome-ignore format: one line for each class
export const PICTURES = String.raw`\u231a-\u231b\u23e9-\u23fa\u2600-\u2767\u2794-\u27bf\u2b50\u2b55\u{1f004}\u{1f0cf}\u{1f18e}\u{1f1e6}-\u{1f1ff}\u{1f300}-\u{1f3fa}\u{1f400}-\u{1faff}`
