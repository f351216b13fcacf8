/** Pictures from files: read as base64, and sent in batches with progress and a fault for each refused file. */

import { ApiError, errorText } from "../api/client";

export interface BroughtPicture {
  name: string;
  data: string;
}

export interface FileFault {
  file: File;
  text: string;
}

const MAX_BATCH_FILES = 16;
const MAX_BATCH_BYTES = 6 * 1024 * 1024;

export async function broughtPicture(file: File): Promise<BroughtPicture> {
  const address = await new Promise<string>((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => failed(new Error(`${file.name}: ${reader.error?.message ?? ""}`));
    reader.readAsDataURL(file);
  });
  return { name: file.name, data: address.slice(address.indexOf(",") + 1) };
}

function batches(files: readonly File[]): File[][] {
  const found: File[][] = [];
  let bytes = Infinity;
  for (const file of files) {
    if (bytes + file.size > MAX_BATCH_BYTES || (found.at(-1)?.length ?? 0) >= MAX_BATCH_FILES) {
      found.push([]);
      bytes = 0;
    }
    found.at(-1)?.push(file);
    bytes += file.size;
  }
  return found;
}

/** Stores pictures, all or none; returns how many of them were there already. */
export type StorePictures = (pictures: BroughtPicture[]) => Promise<{ added: number; known: number }>;

export class PictureUpload {
  total = $state(0);
  done = $state(0);
  added = $state(0);
  known = $state(0);
  isBusy = $state(false);
  faults = $state.raw<FileFault[]>([]);

  /** Send all files. A batch that is refused is sent again file by file, so that each fault stands at its file. */
  async send(files: readonly File[], store: StorePictures): Promise<void> {
    Object.assign(this, { total: files.length, done: 0, added: 0, known: 0, isBusy: true, faults: [] });
    try {
      for (const batch of batches(files)) await this.sendBatch(batch, store);
    } finally {
      this.isBusy = false;
    }
  }

  private async sendBatch(files: readonly File[], store: StorePictures): Promise<void> {
    try {
      const { added, known } = await store(await Promise.all(files.map(broughtPicture)));
      this.added += added;
      this.known += known;
      this.done += files.length;
    } catch (failure) {
      if (files.length > 1 && failure instanceof ApiError && failure.status < 500) {
        for (const file of files) await this.sendBatch([file], store);
        return;
      }
      this.faults = [...this.faults, ...files.map((file) => ({ file, text: errorText(failure) }))];
      this.done += files.length;
    }
  }
}
