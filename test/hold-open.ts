/** What a scene gives, and its end. */
export type Held<Given> = Given & AsyncDisposable;

/**
 * Holds a scene open that is there for the length of a function, such as `withCentral`, until it is disposed of.
 *
 * @param scene is given what hands out what it has, and waits there for the end
 */
export async function holdOpen<Given extends object>(
  scene: (give: (given: Given) => Promise<void>) => Promise<void>,
): Promise<Held<Given>> {
  const opened = Promise.withResolvers<Given>();
  const closing = Promise.withResolvers<void>();
  const run = scene((given) => {
    opened.resolve(given);
    return closing.promise;
  });
  run.catch((error: unknown) => opened.reject(error));
  return {
    ...(await opened.promise),
    [Symbol.asyncDispose]: () => {
      closing.resolve();
      return run;
    },
  };
}
