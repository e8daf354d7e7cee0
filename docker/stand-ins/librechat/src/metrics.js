// Prometheus metrics under upstream's names (contracts 3.1).
import { timingSafeEqual } from 'node:crypto';
import client from 'prom-client';

client.collectDefaultMetrics();
const requests = new client.Counter({
  name: 'http_requests_total',
  help: 'HTTP requests',
  labelNames: ['method', 'route', 'status_code'],
});
const duration = new client.Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of HTTP requests',
  labelNames: ['method', 'route', 'status_code'],
});
const inFlight = new client.Gauge({ name: 'http_requests_in_flight', help: 'HTTP requests in flight' });
const queries = new client.Histogram({
  name: 'mongoose_query_duration_seconds',
  help: 'Duration of database queries',
  labelNames: ['model', 'operation'],
});

export const metrics = {
  streams: new client.Gauge({ name: 'sse_streams_in_flight', help: 'Open event streams' }),
  uploads: new client.Counter({ name: 'upload_requests_total', help: 'Uploads', labelNames: ['status'] }),
  jobs: new client.Counter({ name: 'generation_jobs_total', help: 'Generations', labelNames: ['status'] }),
};

/** Mongoose plugin that times each query. To be given to mongoose before the models are made. */
export function timeQueries(schema) {
  schema.pre(/^(find|count|update|delete)/, function before() {
    this.$startedAt = performance.now();
  });
  schema.post(/^(find|count|update|delete)/, function after() {
    if (!this.$startedAt) return;
    const labels = {
      model: this.model?.modelName ?? this.constructor.modelName,
      operation: this.op ?? 'save',
    };
    queries.observe(labels, (performance.now() - this.$startedAt) / 1000);
  });
}

/** Counts and times every request. */
export function countRequests(req, res, next) {
  inFlight.inc();
  const stop = duration.startTimer();
  res.on('close', () => {
    inFlight.dec();
    const labels = {
      method: req.method,
      route: req.route ? req.baseUrl + req.route.path : 'other',
      status_code: res.statusCode,
    };
    requests.inc(labels);
    stop(labels);
  });
  next();
}

/** GET /metrics: 401 without the secret, and when there is none. */
export async function serveMetrics(req, res) {
  const wanted = Buffer.from(`Bearer ${process.env.METRICS_SECRET}`);
  const given = Buffer.from(req.get('authorization') ?? '');
  if (!process.env.METRICS_SECRET || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    return res.status(401).send('Unauthorized');
  }
  return res.type(client.register.contentType).send(await client.register.metrics());
}
