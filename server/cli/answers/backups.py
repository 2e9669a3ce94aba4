"""What became of a backup that was made, tried or put back, as the answer of its command."""

from __future__ import annotations

from server.core.admin.backups import BackupKind, BackupManifest
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.work.admin.backups import BackupMade, BackupRestored, BackupVerified


def made(backup: BackupMade) -> Answer:
    """Where it is, by what it is known again, and what to do with it."""
    return Answer(
        ok=True,
        title=phrase("The backup is made: {file}", file=backup.file.name),
        lines=(
            phrase("SHA-256: {digest}", digest=backup.digest),
            phrase("Bytes: {bytes}. Public keys that it is encrypted to: {count}.",
                   bytes=backup.bytes, count=backup.recipients),
            *_head(backup.manifest),
        ),
        what_next=(
            phrase("Where the private key is, try it: closeout backup verify FILE --identity KEYFILE"),
        ),
        key="backup_made",
    )  # fmt: skip


def verified(found: BackupVerified, *, named: bool) -> Answer:
    """Whether it is good. named: the log's key was told by another way."""
    if found.manifest.kind is BackupKind.KEYS:
        title = phrase("The backup opens; the keys in it are whole, and the signing key is that of the log.")
        return Answer(ok=True, title=title, lines=(_when(found.manifest),), key="backup_sound")
    lines = [
        _when(found.manifest),
        *_head(found.manifest),
        phrase("Signed checkpoints in it: {heads}. Signed up to entry {anchored}.",
               heads=found.heads, anchored=found.anchored),
        phrase("Tables: {tables}. Rows, all together: {rows}.",
               tables=len(found.manifest.rows or {}), rows=sum((found.manifest.rows or {}).values())),
    ]  # fmt: skip
    if not named:
        lines.append(phrase("The log was held to the public key that the backup itself names: {key}",
                            key=found.manifest.log_key))  # fmt: skip
    return Answer(
        ok=found.sound,
        title=phrase("The backup opens and can be restored; its log is intact.")
        if found.sound
        else phrase("The backup opens, but its log is not what its checkpoints were signed for."),
        lines=tuple(lines),
        key="backup_sound" if found.sound else "backup_log_not_sound",
    )


def restored(done: BackupRestored) -> Answer:
    """What lies there now, and what people do before anything is removed."""
    left = tuple(phrase("It was there already and is left as it was: {file}", file=name) for name in done.left)
    if done.manifest.kind is BackupKind.KEYS:
        return Answer(
            ok=True,
            title=phrase("Keys and secrets are restored."),
            lines=(_when(done.manifest), *left),
            what_next=(phrase("Then the database: closeout backup restore FILE"),),
            key="keys_restored",
        )
    return Answer(
        ok=True,
        title=phrase("The database is restored. Nothing is removed until two people have said what was lost."),
        lines=(_when(done.manifest), *_head(done.manifest), *left),
        what_next=(
            phrase("Put the newest copy of the signed checkpoints, from the other machine, in place of {file}.",
                   file="checkpoints.txt"),
            phrase("Ask the independent officer which holds were set since, and set them again now."),
            phrase("Then two people, in two roles: closeout --as ROLE backup accept-restore --by ACCOUNT --lost TEXT"),
        ),
        key="database_restored",
    )  # fmt: skip


def _when(manifest: BackupManifest) -> Text:
    return phrase("It was made at {moment}.", moment=manifest.made_at)


def _head(manifest: BackupManifest) -> tuple[Text, ...]:
    """The head of the log in it, by which a copy elsewhere is compared."""
    return (phrase("Entries of the log: {size}. Its root: {root}", size=manifest.size, root=manifest.root),)
