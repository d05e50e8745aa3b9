import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Config } from '../config.js'

/** The text that Prometheus reads, and its media type. */
interface Exposition {
  contentType: string
  metrics(): Promise<string>
}

/**
 * Answers GET /metrics at METRICS_HOST and METRICS_PORT, where these are set. If the port cannot be had, the log says so and the chat goes on
 * without.
 */
export async function serveMetrics(
  at: Config['metrics'],
  log: Logger,
  exposition: Exposition | undefined,
): Promise<{ close(): void }> {
  if (!at || !exposition) {
    return { close() {} }
  }
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('The metrics are at /metrics.\n')
      return
    }
    try {
      const text = await exposition.metrics()
      response.writeHead(200, { 'Content-Type': exposition.contentType }).end(text)
    } catch (error) {
      log.warn({ err: error }, 'The metrics could not be collected')
      response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Please ask again.\n')
    }
  })
  try {
    server.listen(at.port, at.host)
    await once(server, 'listening')
    log.info(
      `Metrics: http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${(server.address() as AddressInfo).port}/metrics`,
    )
  } catch (error) {
    log.error(
      `There are no metrics, and the chat goes on without: this program cannot listen on port ${at.port} of ${at.host} (METRICS_PORT, METRICS_HOST). The system says: ${(error as Error).message}`,
    )
  }
  return {
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The metrics of all workers together, for the main process. */
export async function metricsOfWorkers(): Promise<Exposition> {
  const { AggregatorRegistry } = await import('prom-client')
  const registry = new AggregatorRegistry()
  return { contentType: registry.contentType, metrics: () => registry.clusterMetrics() }
}
