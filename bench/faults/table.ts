import { KINDS, quantile } from '../judge/findings.js'
import type { Row } from './scene.js'

const COLUMNS = ['fault', 'injected', 'operations', ...KINDS, 'unknown settled', 'recovery p50', 'p99'] as const

/** The rows as a table of Markdown, with their sum; times are in milliseconds. */
export function tableOf(rows: readonly Row[], skipped: ReadonlyMap<string, string>): string {
  const cells = rows.map(({ fault, injected, verdict, recoveries }) => [
    fault,
    injected,
    verdict.operations,
    ...KINDS.map(kind => verdict.counts[kind]),
    verdict.settled,
    recoveries.length > 0 ? Math.round(quantile(recoveries, 0.5)) : '',
    recoveries.length > 0 ? Math.round(quantile(recoveries, 0.99)) : '',
  ])
  const sum = (column: number) => cells.reduce((sum, row) => sum + Number(row[column]), 0)
  const all = ['all', ...COLUMNS.slice(1, -2).map((_, n) => sum(n + 1)), '', '']
  const lines = [COLUMNS, COLUMNS.map((_, n) => (n === 0 ? '---' : '--:')), ...cells, all]
  return [
    ...lines.map(line => `| ${line.join(' | ')} |`),
    ...[...skipped].map(([name, why]) => `\nSkipped: ${name}, as ${why}.`),
  ].join('\n')
}
