// What both versions of the documents say alike.
import type { JsonObject } from '../meta/types.ts';

/** How documents describe the response codes. */
export const codeTexts: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

/** Whom a document is of: the server, or what a cluster's own definitions made. */
export const documentInfo = (isCustom: boolean): JsonObject =>
  isCustom ? { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' } : { title: 'Kubernetes', version: '1.36' };
