/** A folder where what is not ready yet is out of reach of everybody else. */

/** A folder for this user alone; its name is short, as the path of a socket has at most 107 octets. */
export function makePrivateFolder(parent: string): string {
  for (let number = 0;; number++) {
    const folder = `${parent}/.${number}`;
    try {
      Deno.mkdirSync(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists) || number >= 99) throw error;
    }
  }
}
