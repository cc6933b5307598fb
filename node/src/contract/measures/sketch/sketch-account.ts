/** What the sketches of one table hold, kept by themselves as they grow. */
export interface SketchAccount {
  bytes: number;
}
