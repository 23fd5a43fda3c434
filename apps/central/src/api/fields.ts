import { isNamespace, LEVELS, OPERATOR_ROLES } from "@tautline/protocol";
import { z } from "zod";

/*
 * Fields that many verbs have. The schemas say what is read, and describe the answers in the API's own document.
 */

/** An id in a path; what it must look like is the business of whoever looks for it. */
export const idParams = z.strictObject({ id: z.string().max(128) });

/** The name of a namespace in a request. */
export const namespaceField = z
  .string()
  .max(64)
  .refine(isNamespace, "it cannot be the name of a namespace");

/** `?namespace=NS` of a list. */
export const ofNamespace = z.strictObject({ namespace: namespaceField.optional() });

/** A point in time in an answer: RFC 3339, UTC. */
export const timeField = z.iso.datetime().describe("RFC 3339, UTC");

/** A level of a link. */
export const levelField = z.enum(LEVELS);

/** What an agent said of itself over its live link. */
export const saidOfferFields = {
  offers: z
    .strictObject({ version: z.string(), levels: z.array(levelField) })
    .nullable()
    .describe("Its version and the levels it is set to use, as it said; null without a live link."),
  upgrade: z
    .string()
    .nullable()
    .describe("The version it needs for what central accepts, such as '>= 0.1.0', if too old."),
};

/** A role of an operator. */
export const roleField = z.enum(OPERATOR_ROLES);
