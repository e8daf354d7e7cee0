// The model provider: the OpenAI protocol, streamed, at the endpoint's own address and key.
import { extractEnvVariable } from 'librechat-data-provider';
import { logger } from '@librechat/data-schemas';
import { db } from './database.js';
import { isUnresolved } from './config.js';

const USER_PROVIDED = 'user_provided';

/** Is the key the user's own? */
export const isUserProvided = ({ key }) => key === USER_PROVIDED;

/** Address and headers for a request of this user; the key may be the user's own, stored encrypted (CREDS_KEY). */
async function connection(name, endpoint, userId) {
  if (!endpoint.url) throw new Error(`The stand-in speaks the OpenAI protocol only, not ${name}'s`);
  if (isUnresolved(endpoint.key)) throw new Error(`Missing API Key for ${name}.`);
  if (isUnresolved(endpoint.url)) throw new Error(`Missing Base URL for ${name}.`);
  const key = isUserProvided(endpoint) ? await db.getUserKey({ userId, name }) : endpoint.key;
  const own = Object.entries(endpoint.headers ?? {}).map(([header, value]) => [
    header,
    extractEnvVariable(value),
  ]);
  return {
    url: endpoint.url.replace(/\/+$/, ''),
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...Object.fromEntries(own),
    },
  };
}

/** The models on offer: the configured list, or what the provider itself lists when it is to be fetched. */
export async function modelsOf(name, endpoint, userId) {
  if (!endpoint.fetch || isUserProvided(endpoint)) return endpoint.models;
  try {
    const { url, headers } = await connection(name, endpoint, userId);
    const answer = await fetch(`${url}/models`, { headers, signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return (await answer.json()).data.map((model) => model.id);
  } catch (error) {
    logger.error(`Failed to fetch models from ${name}: ${error.cause?.message ?? error.message}`);
    return endpoint.models;
  }
}

/** Yields the `data:` payloads of a server-sent event stream. */
async function* events(body) {
  let rest = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trim();
  }
}

/** Yields the pieces of a streamed answer. Errors: "<status> <the provider's own text>". */
export async function* complete(name, endpoint, { userId, model, messages }) {
  const { url, headers } = await connection(name, endpoint, userId);
  const body = { model, messages, stream: true, ...endpoint.addParams };
  for (const field of endpoint.dropParams ?? []) delete body[field];
  const answer = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    const text = await answer.text();
    let message;
    try {
      ({ message } = JSON.parse(text).error);
    } catch {
      message = text;
    }
    throw new Error(`${answer.status} ${message}`);
  }
  for await (const data of events(answer.body)) {
    if (data === '[DONE]') return;
    const piece = JSON.parse(data).choices?.[0]?.delta?.content;
    if (piece) yield piece;
  }
}
