import { base64Encode } from "@bufbuild/protobuf/wire";
import type { File } from "../../proto.ts";
import { formatSize } from "../ui/format.ts";

/** Pictures that are shown. An SVG is not among them, though in a picture it could run nothing. */
const pictures = /^image\/(png|jpeg|gif|webp|avif)$/;

/** A file: a picture is shown, anything else can be saved, or gone to if it is elsewhere. */
export function FilePart({ file: { source, name, mediaType } }: { file: File }) {
  const title = name || "file";
  if (source.case === "uri") {
    return (
      <p className="file">
        {/^https?:/i.test(source.value) ? (
          <a href={source.value} target="_blank" rel="noopener noreferrer">
            {title}
          </a>
        ) : (
          <span>
            {title} <code>{source.value}</code>
          </span>
        )}
        {mediaType && <span className="soft"> {mediaType}</span>}
      </p>
    );
  }
  const bytes = source.value ?? new Uint8Array();
  const shown = pictures.test(mediaType);
  const url = `data:${shown ? mediaType : "application/octet-stream"};base64,${base64Encode(bytes)}`;
  return (
    <figure className="file">
      {shown && <img src={url} alt={title} />}
      <figcaption>
        <a href={url} download={title}>
          {title}
        </a>{" "}
        <span className="soft">
          {mediaType} {formatSize(bytes.length)}
        </span>
      </figcaption>
    </figure>
  );
}
