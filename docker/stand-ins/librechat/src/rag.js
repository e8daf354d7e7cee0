// The RAG API: each call carries a JWT signed with the shared JWT_SECRET (contracts 2).
import { readFile } from 'node:fs/promises';
import jwt from 'jsonwebtoken';
import { logger } from '@librechat/data-schemas';
import { db } from './database.js';
import { isCapable } from './config.js';

const { env } = process;
const RESULTS = 5;

/** Calls the RAG API as this user. Errors: the address is not set or away, or the answer is not 2xx. */
async function call(userId, path, options) {
  if (!env.RAG_API_URL) throw new Error('RAG_API_URL not defined');
  const token = jwt.sign({ id: userId }, env.JWT_SECRET, { expiresIn: '5m', algorithm: 'HS256' });
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json', ...options.headers };
  const answer = await fetch(`${env.RAG_API_URL}${path}`, { ...options, headers });
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const asJson = (method, body) => ({
  method,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

/** Embeds an uploaded file. Errors: as `call`, or the RAG API knows no such file type. */
export async function embed(userId, file, fileId) {
  const form = new FormData();
  form.append('file_id', fileId);
  form.append('file', new Blob([await readFile(file.path)], { type: file.mimetype }), file.originalname);
  const { status, known_type: known } = await call(userId, '/embed', { method: 'POST', body: form });
  if (known === false)
    throw new Error(`File embedding failed. The filetype ${file.mimetype} is not supported`);
  if (!status) throw new Error('File embedding failed.');
}

/** Forgets a file's vectors. */
export const forget = (userId, fileId) => call(userId, '/documents', asJson('DELETE', [fileId]));

/**
 * Looks the question up in the attached files.
 *
 * Upstream offers the model a `file_search` tool and asks the RAG API when the model calls it; the stand-in asks
 * before the model, with the question itself, so that it works with a provider that calls no tools. Like upstream it
 * does so only when the request switches the tool on and the capability is not off, and goes on without results.
 *
 * Returns {context for the provider, attachment of the response}, or null.
 */
export async function searchFiles(config, user, query, { files, tools }) {
  if (!files.length || !tools.file_search || !isCapable(config, 'file_search')) return null;
  const fileIds = files.map((file) => file.file_id);
  const attached = await db.getFiles({ user: user.id, file_id: { $in: fileIds }, embedded: true });
  const answers = await Promise.all(
    attached.map(async (file) => {
      try {
        const hits = await call(
          user.id,
          '/query',
          asJson('POST', { file_id: file.file_id, query, k: RESULTS }),
        );
        return hits.map(([document, distance]) => ({
          type: 'file',
          fileId: file.file_id,
          fileName: file.filename,
          content: document.page_content,
          relevance: 1 - distance,
        }));
      } catch (error) {
        logger.error(`Error encountered in \`file_search\` while querying file: ${error.message}`);
        return [];
      }
    }),
  );
  const sources = answers
    .flat()
    .sort((a, b) => b.relevance - a.relevance)
    .slice(0, 2 * RESULTS);
  if (!sources.length) return { context: 'No results found or errors occurred while searching the files.' };
  const context = sources
    .map(({ fileName, content }) => `File: ${fileName}\nContent: ${content}`)
    .join('\n---\n');
  return { context, attachment: { type: 'file_search', file_search: { sources } } };
}

/** Warns at the start when the RAG API does not answer; upstream goes on too. */
export async function checkRag() {
  if (!env.RAG_API_URL) return;
  try {
    const answer = await fetch(`${env.RAG_API_URL}/health`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    logger.info(`RAG API is running and reachable at ${env.RAG_API_URL}.`);
  } catch {
    logger.warn(
      `RAG API is either not running or not reachable at ${env.RAG_API_URL}, you may experience errors with file uploads.`,
    );
  }
}
