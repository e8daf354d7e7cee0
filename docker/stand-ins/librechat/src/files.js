// Uploads: documents under /app/uploads, images under /app/client/public/images, rows in MongoDB, vectors by the RAG API.
import { mkdirSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { Router } from 'express';
import multer from 'multer';
import { logger } from '@librechat/data-schemas';
import { FileContext, FileSources, EToolResources, isUUID } from 'librechat-data-provider';
import { isCapable } from './config.js';
import { db } from './database.js';
import { PATHS } from './env.js';
import { embed, forget } from './rag.js';

const MEGABYTE = 1024 * 1024;
const baseName = (file) => path.basename(Buffer.from(file.originalname, 'latin1').toString('utf8'));

/** Where a stored file lies on the disk; its row holds the path as the browser sees it. */
const onDisk = ({ filepath }) =>
  filepath.startsWith('/images/')
    ? path.join(PATHS.images, filepath.slice('/images/'.length))
    : path.join(PATHS.uploads, filepath.slice('/uploads/'.length));

/** Remove a user's files: the vectors, the bytes, the rows. */
export async function removeFiles(user, filter = {}) {
  for (const file of await db.getFiles({ user, ...filter })) {
    if (file.embedded) await forget(user, file.file_id);
    await rm(onDisk(file), { force: true });
    await db.deleteFile(file.file_id);
  }
}

/** The routes under /api/files. */
export function fileRoutes({ config, metrics }) {
  const router = Router();
  const storage = multer.diskStorage({
    destination(req, _file, done) {
      const folder = path.join(PATHS.uploads, 'temp', req.user.id);
      try {
        mkdirSync(folder, { recursive: true });
        done(null, folder);
      } catch (error) {
        done(error);
      }
    },
  });
  const limits = { fileSize: (config.fileConfig?.serverFileSizeLimit ?? 512) * MEGABYTE };
  const upload = multer({ storage, limits }).single('file');

  /** Moves the temporary file to its place and writes its row. Returns the row. */
  async function store(req, { folder, prefix, context, embedded }) {
    const { file, body, user } = req;
    const name = `${body.file_id}__${baseName(file)}`;
    mkdirSync(path.join(folder, user.id), { recursive: true });
    await copyFile(file.path, path.join(folder, user.id, name));
    const row = {
      user: user.id,
      file_id: body.file_id,
      temp_file_id: body.file_id,
      bytes: file.size,
      filename: baseName(file),
      filepath: `${prefix}/${user.id}/${name}`,
      type: file.mimetype,
      source: FileSources.local,
      context,
      embedded,
    };
    return db.createFile(row, true);
  }

  /** Checks and stores one upload; whatever fails is upstream's plain 500. */
  const handle = (keep) => [
    upload,
    async (req, res) => {
      try {
        if (config.fileStrategy && config.fileStrategy !== FileSources.local) {
          throw new Error(
            `the stand-in stores files locally only, not by fileStrategy ${config.fileStrategy}`,
          );
        }
        if (!req.file) throw new Error('No file provided');
        if (!isUUID.safeParse(req.body.file_id).success) throw new Error('Invalid file_id');
        const row = await keep(req);
        metrics.uploads.inc({ status: 'success' });
        res.json({ message: 'File uploaded and processed successfully', ...row });
      } catch (error) {
        metrics.uploads.inc({ status: 'error' });
        logger.error(`[/files] Error processing file: ${error.cause?.message ?? error.message}`);
        res.status(500).json({ message: 'Error processing file' });
      } finally {
        if (req.file) await rm(req.file.path, { force: true });
      }
    },
  ];

  router.post(
    '/',
    handle(async (req) => {
      const { endpoint, tool_resource: resource, message_file: attached } = req.body;
      if (endpoint !== 'agents' || resource !== EToolResources.file_search) {
        throw new Error('the stand-in takes endpoint=agents with tool_resource=file_search only');
      }
      if (attached !== 'true') throw new Error('No agent ID provided for agent file upload');
      if (!isCapable(config, 'file_search')) throw new Error('File search is not enabled for Agents');
      await embed(req.user.id, { ...req.file, originalname: baseName(req.file) }, req.body.file_id);
      return store(req, {
        folder: PATHS.uploads,
        prefix: '/uploads',
        context: FileContext.message_attachment,
        embedded: true,
      });
    }),
  );
  router.post(
    '/images',
    handle((req) =>
      store(req, {
        folder: PATHS.images,
        prefix: '/images',
        context: FileContext.message_attachment,
        embedded: false,
      }),
    ),
  );

  router.get('/', async (req, res) => res.json(await db.getFiles({ user: req.user.id })));

  router.get('/download/:userId/:fileId', async (req, res) => {
    const file = await db.findFileById(req.params.fileId);
    if (!file) return res.status(404).json({ message: 'File not found' });
    if (req.params.userId !== req.user.id || String(file.user) !== req.user.id) {
      return res
        .status(403)
        .json({ error: 'Forbidden', message: 'You do not have permission to access this file' });
    }
    return res.download(onDisk(file), file.filename);
  });

  router.delete('/', async (req, res) => {
    const fileIds = (req.body?.files ?? []).map((file) => file.file_id);
    await removeFiles(req.user.id, { file_id: { $in: fileIds } });
    res.json({ message: 'Files deleted successfully' });
  });
  return router;
}
