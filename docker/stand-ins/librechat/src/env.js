// The environment, checked before anything else is imported: @librechat/data-schemas reads CREDS_*, MEILI_*, LOG_*
// and MONGO_* while it is loaded. Every refusal is one line on stderr and exit 1.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CacheKeys } from 'librechat-data-provider';

const { env } = process;

/** Is the variable on? Upstream's rule: the text `true`, in any case. */
export const isEnabled = (value) => typeof value === 'string' && value.trim().toLowerCase() === 'true';

/** Says why and ends the process with 1. */
export function refuse(message) {
  console.error(message);
  process.exit(1);
}

/** Milliseconds out of a variable that upstream evaluates as arithmetic (`1000 * 60 * 15`). */
export function milliseconds(name, fallback) {
  const text = env[name];
  if (!text) return fallback;
  if (!/^[\d\s*]+$/.test(text))
    refuse(`${name} must be a product of numbers in milliseconds, as 1000 * 60 * 15`);
  return text.split('*').reduce((product, factor) => product * Number(factor), 1);
}

/** A whole number out of a variable. */
export const integer = (name, fallback) => Number.parseInt(env[name] ?? '', 10) || fallback;

// Folders as upstream has them under /app (contracts 3.1); the image's working directory is /app.
export const PATHS = {
  config: path.resolve('librechat.yaml'),
  uploads: path.resolve('uploads'),
  images: path.resolve('client/public/images'),
};

if (!env.MONGO_URI) refuse('Please define the MONGO_URI environment variable');

// Stricter than upstream on purpose: v0.8.7 starts with a bad key and fails at the first encryption, v0.8.8 makes up
// credentials that vanish with the pod (contracts 3.3). Wrong wiring has to show at the start.
for (const [name, digits] of Object.entries({ CREDS_KEY: 64, CREDS_IV: 32 })) {
  if (!new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(env[name] ?? ''))
    refuse(`${name} must be ${digits} hexadecimal characters`);
}
if (!env.JWT_SECRET) refuse('TypeError: JwtStrategy requires a secret or key');
if (!env.JWT_REFRESH_SECRET)
  refuse('JWT_REFRESH_SECRET must not be empty: no session can be made without it');

/** What upstream's cacheConfig.ts reads; `null` when Redis is off. */
export function redisConfig() {
  const forced = env.FORCED_IN_MEMORY_CACHE_NAMESPACES?.split(',').map((key) => key.trim()) ?? [];
  const unknown = forced.filter((key) => !Object.values(CacheKeys).includes(key));
  if (unknown.length)
    refuse(`Invalid cache keys in FORCED_IN_MEMORY_CACHE_NAMESPACES: ${unknown.join(', ')}`);
  if (env.REDIS_KEY_PREFIX_VAR && env.REDIS_KEY_PREFIX) {
    refuse('Only either REDIS_KEY_PREFIX_VAR or REDIS_KEY_PREFIX can be set.');
  }
  if (!isEnabled(env.USE_REDIS)) return null;
  if (!env.REDIS_URI) refuse('USE_REDIS is enabled but REDIS_URI is not set.');
  if (isEnabled(env.USE_REDIS_CLUSTER))
    refuse('The stand-in speaks to one Redis only: USE_REDIS_CLUSTER must not be true');
  let url;
  try {
    url = new URL(env.REDIS_URI);
  } catch {
    refuse('REDIS_URI: Invalid URL');
  }
  // A raw special character in the password lands in the path: the client's own refusal (contracts 3.3).
  if (url.pathname.length > 1 && Number.isNaN(Number(url.pathname.slice(1))))
    refuse('REDIS_URI: Invalid pathname');
  return {
    uri: env.REDIS_URI,
    username: decodeURIComponent(url.username) || env.REDIS_USERNAME,
    password: decodeURIComponent(url.password) || env.REDIS_PASSWORD,
    prefix: `${env[env.REDIS_KEY_PREFIX_VAR] || env.REDIS_KEY_PREFIX || ''}::`,
    attempts: Number.parseInt(env.REDIS_RETRY_MAX_ATTEMPTS ?? '', 10),
    ca: env.REDIS_CA ? readFileSync(env.REDIS_CA, 'utf8') : undefined,
  };
}

// Upstream's log folder; made now so that a read-only root without LOG_TO_FILE=false ends here with EACCES or EROFS.
if (env.LOG_TO_FILE?.toLowerCase() !== 'false') {
  env.LIBRECHAT_LOG_DIR ||= path.resolve('api/logs');
  try {
    mkdirSync(env.LIBRECHAT_LOG_DIR, { recursive: true });
  } catch (error) {
    refuse(`Error: ${error.message}`);
  }
}
