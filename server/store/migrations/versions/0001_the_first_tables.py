"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "api_token",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("made_at < ends_at", name=op.f("ck_api_token_ends")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_api_token")),
        sa.UniqueConstraint("key", name=op.f("uq_api_token_key")),
        sa.UniqueConstraint("name", name=op.f("uq_api_token_name")),
    )
    op.create_table(
        "case_system",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_system")),
        sa.UniqueConstraint("name", name=op.f("uq_case_system_name")),
    )
    op.create_table(
        "connection",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("secret_file", sa.Text(), nullable=False),
        sa.Column("ca_file", sa.Text(), nullable=True),
        sa.Column("log_file", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
        sa.UniqueConstraint("name", name=op.f("uq_connection_name")),
    )
    op.create_table(
        "declaration_text",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("obsolete_from", sa.Date(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", "language", name=op.f("pk_declaration_text")),
    )
    op.create_table(
        "employer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employer")),
        sa.UniqueConstraint("name", name=op.f("uq_employer_name")),
    )
    op.create_table(
        "identifier",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifier")),
        sa.UniqueConstraint("token", name=op.f("uq_identifier_token")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("key_check", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "kept_report",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_as", sa.Text(), nullable=False),
        sa.Column("step_at", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "asked_as IN ('it_administrator', 'privacy_officer', 'data_protection_officer', 'independent_officer', 'investigator', 'work_supervisor', 'line_manager', 'worker', 'case_system', 'auditor')",
            name=op.f("ck_kept_report_asked_as"),
        ),
        sa.CheckConstraint("(made_at IS NULL) = (digest IS NULL)", name=op.f("ck_kept_report_made_with_digest")),
        sa.CheckConstraint("(made_at IS NULL) = (sealed IS NULL)", name=op.f("ck_kept_report_made")),
        sa.CheckConstraint("made_at IS NULL OR failed_at IS NULL", name=op.f("ck_kept_report_made_or_failed")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_kept_report")),
    )
    with op.batch_alter_table("kept_report", schema=None) as batch_op:
        batch_op.create_index("ix_kept_report_view", ["view", "asked_at"], unique=False)

    op.create_table(
        "log_entry",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_log_entry")),
    )
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_head_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "named_view",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("asked_as", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_second", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(decided_at IS NULL) = (granted IS NULL)", name=op.f("ck_named_view_decided")),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (sealed_second IS NULL)", name=op.f("ck_named_view_decided_by_somebody")
        ),
        sa.CheckConstraint("first <= last", name=op.f("ck_named_view_span")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_named_view")),
        sa.UniqueConstraint("uid", name=op.f("uq_named_view_uid")),
    )
    op.create_table(
        "outlet",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_outlet")),
    )
    op.create_table(
        "periodic_check",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("checked_as", sa.Text(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_periodic_check")),
        sa.UniqueConstraint("uid", name=op.f("uq_periodic_check_uid")),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("removals", sa.Integer(), nullable=False),
        sa.Column("held_back", sa.Text(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("uid", name=op.f("uq_plan_uid")),
    )
    op.create_table(
        "released_cells",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_released_cells")),
        sa.UniqueConstraint("report", "hash", name=op.f("uq_released_cells_report_hash")),
        sa.UniqueConstraint("uid", name=op.f("uq_released_cells_uid")),
    )
    op.create_table(
        "repush",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("refused_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(released_at IS NULL) = (released_by IS NULL)", name=op.f("ck_repush_released_by_somebody")
        ),
        sa.CheckConstraint("released_at IS NULL OR refused_at IS NULL", name=op.f("ck_repush_one_answer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repush")),
        sa.UniqueConstraint("uid", name=op.f("uq_repush_uid")),
    )
    op.create_table(
        "usage_feed",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("covers", sa.Text(), nullable=False),
        sa.Column("precedence", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("covers IN ('device', 'account')", name=op.f("ck_usage_feed_covers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_feed")),
        sa.UniqueConstraint("name", name=op.f("uq_usage_feed_name")),
    )
    op.create_table(
        "usage_kind",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("counterparty", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "confidence IN ('measured', 'recorded', 'sampled', 'self_reported')", name=op.f("ck_usage_kind_confidence")
        ),
        sa.CheckConstraint(
            "counterparty IN ('colleague', 'client', 'former_client', 'professional', 'unknown')",
            name=op.f("ck_usage_kind_counterparty"),
        ),
        sa.CheckConstraint("direction IN ('in', 'out', 'unknown')", name=op.f("ck_usage_kind_direction")),
        sa.CheckConstraint("profile IN ('whole', 'work')", name=op.f("ck_usage_kind_profile")),
        sa.CheckConstraint(
            "quantity IN ('calls', 'minutes', 'megabytes', 'messages', 'screen_minutes', 'contacts')",
            name=op.f("ck_usage_kind_quantity"),
        ),
        sa.CheckConstraint(
            "use <> 'private' OR (channel = '' AND counterparty = 'unknown' AND direction = 'unknown')",
            name=op.f("ck_usage_kind_private_is_one_bucket"),
        ),
        sa.CheckConstraint("use IN ('business', 'private', 'unclassified')", name=op.f("ck_usage_kind_use")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_kind")),
        sa.UniqueConstraint(
            "quantity",
            "confidence",
            "profile",
            "use",
            "channel",
            "counterparty",
            "direction",
            name=op.f("uq_usage_kind_quantity_confidence_profile_use_channel_counterparty_direction"),
        ),
    )
    op.create_table(
        "witness",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_witness")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "phase IN ('advice_open', 'triage', 'waiting', 'conditions_followup', 'investigation', 'transfer_pending', 'monitoring', 'closed')",
            name=op.f("ck_cases_phase"),
        ),
        sa.ForeignKeyConstraint(["system_id"], ["case_system.id"], name=op.f("fk_cases_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("system_id", "number", name=op.f("uq_cases_system_id_number")),
    )
    op.create_table(
        "directory",
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "class IN ('client', 'reporter', 'professional', 'colleague', 'chain_partner')",
            name=op.f("ck_directory_class"),
        ),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_directory_identifier_id")),
        sa.PrimaryKeyConstraint("identifier_id", name=op.f("pk_directory")),
    )
    op.create_table(
        "gate",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("employer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dpia", sa.Text(), nullable=False),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("scope IN ('removal', 'observation')", name=op.f("ck_gate_scope")),
        sa.CheckConstraint("review_on <= ends_on", name=op.f("ck_gate_review_before_end")),
        sa.ForeignKeyConstraint(["employer_id"], ["employer.id"], name=op.f("fk_gate_employer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate")),
    )
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gate_employer_id"), ["employer_id"], unique=False)

    op.create_table(
        "import_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["case_system.id"], name=op.f("fk_import_run_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_table(
        "log_restricted",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["log_entry.seq"], name=op.f("fk_log_restricted_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_log_restricted")),
    )
    op.create_table(
        "manager_state",
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("listed_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("fault_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_manager_state_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_manager_state")),
    )
    op.create_table(
        "pause",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("everything", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_as", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "set_as IN ('it_administrator', 'privacy_officer', 'data_protection_officer', 'independent_officer', 'investigator', 'work_supervisor', 'line_manager', 'worker', 'case_system', 'auditor')",
            name=op.f("ck_pause_set_as"),
        ),
        sa.CheckConstraint("ended_by IS NULL OR ended_at IS NOT NULL", name=op.f("ck_pause_ended")),
        sa.CheckConstraint("everything = (connection_id IS NULL)", name=op.f("ck_pause_one_scope")),
        sa.CheckConstraint("set_at < ends_at", name=op.f("ck_pause_ends")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_pause_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
        sa.UniqueConstraint("uid", name=op.f("uq_pause_uid")),
    )
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.create_index(
            "uq_pause_connection",
            ["connection_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND connection_id IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND connection_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_pause_everything",
            ["everything"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND connection_id IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND connection_id IS NULL"),
        )

    op.create_table(
        "report_told",
        sa.Column("report_uid", sa.Text(), nullable=False),
        sa.Column("address", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_uid"], ["kept_report.uid"], name=op.f("fk_report_told_report_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_uid", "address", name=op.f("pk_report_told")),
    )
    op.create_table(
        "usage_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("feed_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("faults", sa.BigInteger(), nullable=False),
        sa.Column("unattributable", sa.BigInteger(), nullable=False),
        sa.Column("unclassified", sa.BigInteger(), nullable=False),
        sa.Column("not_gated", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=True),
        sa.Column("last_day", sa.Integer(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["usage_feed.id"], name=op.f("fk_usage_run_feed_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_run")),
        sa.UniqueConstraint("uid", name=op.f("uq_usage_run_uid")),
    )
    with op.batch_alter_table("usage_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usage_run_feed_id"), ["feed_id"], unique=False)
        batch_op.create_index(
            "uq_usage_run_digest",
            ["feed_id", "digest"],
            unique=True,
            sqlite_where=sa.text("NOT withdrawn"),
            postgresql_where=sa.text("NOT withdrawn"),
        )

    op.create_table(
        "worker",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("employer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["employer_id"], ["employer.id"], name=op.f("fk_worker_employer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sa.UniqueConstraint("ref", name=op.f("uq_worker_ref")),
    )
    op.create_table(
        "absence",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=True),
        sa.CheckConstraint("last IS NULL OR first <= last", name=op.f("ck_absence_span")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_absence_worker_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("worker_id", "first", name=op.f("pk_absence")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("sealed_totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("wait_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name=op.f("ck_account_subject_of_issuer")),
        sa.CheckConstraint("(name IS NULL) = (issuer IS NOT NULL)", name=op.f("ck_account_local_or_provided")),
        sa.CheckConstraint("(password IS NULL) = (sealed_totp IS NULL)", name=op.f("ck_account_both_factors")),
        sa.CheckConstraint("password IS NULL OR issuer IS NULL", name=op.f("ck_account_password_is_local")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_account_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_account_issuer_subject")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        sa.UniqueConstraint("uid", name=op.f("uq_account_uid")),
    )
    op.create_table(
        "assignment",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_ref", sa.Text(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_assignment_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "worker_ref", "from_at", name=op.f("pk_assignment")),
    )
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assignment_worker_ref"), ["worker_ref"], unique=False)

    op.create_table(
        "client_contact",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("feed_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "confidence IN ('measured', 'recorded', 'sampled', 'self_reported')",
            name=op.f("ck_client_contact_confidence"),
        ),
        sa.CheckConstraint("direction IN ('in', 'out', 'unknown')", name=op.f("ck_client_contact_direction")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_client_contact_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["feed_id"], ["usage_feed.id"], name=op.f("fk_client_contact_feed_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_client_contact_worker_id")),
        sa.PrimaryKeyConstraint(
            "worker_id",
            "case_id",
            "day",
            "feed_id",
            "channel",
            "direction",
            "confidence",
            name=op.f("pk_client_contact"),
        ),
    )
    with op.batch_alter_table("client_contact", schema=None) as batch_op:
        batch_op.create_index("ix_client_contact_feed_id_day", ["feed_id", "day"], unique=False)

    op.create_table(
        "deviation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("tier IN ('self', 'consult', 'board')", name=op.f("ck_deviation_tier")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_deviation_case_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_deviation_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deviation")),
        sa.UniqueConstraint("uid", name=op.f("uq_deviation_uid")),
    )
    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.create_index("ix_deviation_pair", ["worker_id", "case_id"], unique=False)

    op.create_table(
        "device",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("login", sa.Text(), nullable=True),
        sa.Column("use", sa.Text(), server_default=sa.text("'own'"), nullable=False),
        sa.CheckConstraint("use IN ('own', 'shared', 'loan')", name=op.f("ck_device_use")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_device_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("login", name=op.f("uq_device_login")),
        sa.UniqueConstraint("ref", name=op.f("uq_device_ref")),
    )
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "duty_day",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_duty_day_worker_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("worker_id", "day", name=op.f("pk_duty_day")),
    )
    op.create_table(
        "hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("everything", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(CASE WHEN worker_id IS NULL THEN 0 ELSE 1 END + CASE WHEN case_id IS NULL THEN 0 ELSE 1 END + CASE WHEN everything THEN 1 ELSE 0 END) = 1",
            name=op.f("ck_hold_one_scope"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_hold_case_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_hold_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("uid", name=op.f("uq_hold_uid")),
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hold_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hold_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "link",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("former_since", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "class IN ('client', 'reporter', 'professional', 'colleague', 'chain_partner')", name=op.f("ck_link_class")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_link_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_link_identifier_id")),
        sa.PrimaryKeyConstraint("case_id", "identifier_id", name=op.f("pk_link")),
    )
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_link_identifier_id"), ["identifier_id"], unique=False)

    op.create_table(
        "moment",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_ref", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_moment_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "worker_ref", "on_date", name=op.f("pk_moment")),
    )
    op.create_table(
        "pair",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "decision IN ('keep', 'review', 'defer', 'remove_reprovisionable', 'remove', 'ignore')",
            name=op.f("ck_pair_decision"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_pair_case_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_pair_identifier_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_pair_worker_id")),
        sa.PrimaryKeyConstraint("worker_id", "identifier_id", name=op.f("pk_pair")),
    )
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.create_index(
            "ix_pair_due_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_pair_identifier_id"), ["identifier_id"], unique=False)

    op.create_table(
        "place",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("searched_to", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=True),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.Column("look_due", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("hinted_at", sa.BigInteger(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("fault_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_place_connection_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_place_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint("connection_id", "address", name=op.f("uq_place_connection_id_address")),
        sa.UniqueConstraint("uid", name=op.f("uq_place_uid")),
    )
    with op.batch_alter_table("place", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_place_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "account_role",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "role IN ('it_administrator', 'privacy_officer', 'data_protection_officer', 'independent_officer', 'investigator', 'work_supervisor', 'line_manager', 'worker', 'case_system', 'auditor')",
            name=op.f("ck_account_role_role"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_role_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "role", name=op.f("pk_account_role")),
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_approval_decided_by_somebody")),
        sa.CheckConstraint("(decided_at IS NULL) = (granted IS NULL)", name=op.f("ck_approval_decided")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> asked_by OR NOT granted", name=op.f("ck_approval_second_person")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_approval_asked_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_approval_decided_by")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_approval_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.create_index(
            "uq_approval_open",
            ["plan_id"],
            unique=True,
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )

    op.create_table(
        "checked_holding",
        sa.Column("check_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("loan_agreement", sa.Boolean(), nullable=False),
        sa.Column("conversation_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state IN ('valid', 'missing', 'expired', 'obsolete_text', 'device_changed', 'revoked', 'not_countersigned')",
            name=op.f("ck_checked_holding_state"),
        ),
        sa.ForeignKeyConstraint(["check_id"], ["periodic_check.id"], name=op.f("fk_checked_holding_check_id")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_checked_holding_device_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_checked_holding_worker_id")),
        sa.PrimaryKeyConstraint("check_id", "device_id", "worker_id", name=op.f("pk_checked_holding")),
    )
    op.create_table(
        "closure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("said_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(answer = 'confirmed') = (on_date IS NOT NULL)", name=op.f("ck_closure_day_of_confirmed")),
        sa.CheckConstraint(
            "(ended_by IS NULL) = (ended_as IS NULL OR ended_as = 'lapsed')", name=op.f("ck_closure_ended_by_somebody")
        ),
        sa.CheckConstraint("answer IN ('confirmed', 'not_yet')", name=op.f("ck_closure_answer")),
        sa.CheckConstraint(
            "ended_as IN ('answered_anew', 'withdrawn', 'corrected', 'lapsed')", name=op.f("ck_closure_ended_as")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name=op.f("ck_closure_ended_as_what")),
        sa.CheckConstraint("(on_date IS NULL) = (confirmed_at IS NULL)", name=op.f("ck_closure_counts_from")),
        sa.CheckConstraint("confirmed_at IS NULL OR confirmed_at <= said_at", name=op.f("ck_closure_not_ahead")),
        sa.CheckConstraint(
            "on_date IS NULL OR opened_on IS NULL OR opened_on <= on_date", name=op.f("ck_closure_after_opening")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_closure_case_id")),
        sa.ForeignKeyConstraint(["ended_by"], ["account.id"], name=op.f("fk_closure_ended_by")),
        sa.ForeignKeyConstraint(["said_by"], ["account.id"], name=op.f("fk_closure_said_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
        sa.UniqueConstraint("asked", name=op.f("uq_closure_asked")),
        sa.UniqueConstraint("uid", name=op.f("uq_closure_uid")),
    )
    with op.batch_alter_table("closure", schema=None) as batch_op:
        batch_op.create_index("ix_closure_case_id", ["case_id"], unique=False)
        batch_op.create_index("ix_closure_team", ["team", "said_at"], unique=False)
        batch_op.create_index(
            "uq_closure_in_force",
            ["case_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "contest",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=True),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "quantity IN ('calls', 'minutes', 'megabytes', 'messages', 'screen_minutes', 'contacts')",
            name=op.f("ck_contest_quantity"),
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_contest_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contest")),
        sa.UniqueConstraint("uid", name=op.f("uq_contest_uid")),
    )
    with op.batch_alter_table("contest", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contest_device_id"), ["device_id"], unique=False)

    op.create_table(
        "conversation",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_as", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_conversation_device_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_conversation_worker_id")),
        sa.PrimaryKeyConstraint("worker_id", "device_id", "on_date", name=op.f("pk_conversation")),
    )
    op.create_table(
        "declaration",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("scan_digest", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("countersigned_on", sa.Date(), nullable=True),
        sa.Column("countersigned_by", sa.Text(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("revoked_on", sa.Date(), nullable=True),
        sa.CheckConstraint("how <> 'paper' OR scan_digest IS NOT NULL", name=op.f("ck_declaration_paper_has_scan")),
        sa.CheckConstraint("how IN ('own_page', 'paper', 'imported')", name=op.f("ck_declaration_how")),
        sa.CheckConstraint(
            "(countersigned_on IS NULL) = (countersigned_by IS NULL)", name=op.f("ck_declaration_countersigned")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_declaration_device_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_declaration_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
        sa.UniqueConstraint(
            "device_id",
            "worker_id",
            "version",
            "signed_on",
            name=op.f("uq_declaration_device_id_worker_id_version_signed_on"),
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_declaration_uid")),
    )
    with op.batch_alter_table("declaration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_declaration_device_id"), ["device_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_declaration_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "declaration_reminder",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_declaration_reminder_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_declaration_reminder_worker_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "worker_id", name=op.f("pk_declaration_reminder")),
    )
    op.create_table(
        "deputy",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("named_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("named_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("account_id <> named_by", name=op.f("ck_deputy_somebody_else")),
        sa.CheckConstraint("named_at < until_at", name=op.f("ck_deputy_ends")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_deputy_account_id")),
        sa.ForeignKeyConstraint(["named_by"], ["account.id"], name=op.f("fk_deputy_named_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deputy")),
        sa.UniqueConstraint("uid", name=op.f("uq_deputy_uid")),
    )
    with op.batch_alter_table("deputy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deputy_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_deputy_team"), ["team"], unique=False)

    op.create_table(
        "device_fetch",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_fetch_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_device_fetch_place_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device_id", "place_id", name=op.f("pk_device_fetch")),
    )
    op.create_table(
        "device_handle",
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_device_handle_connection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_handle_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", "key", name=op.f("pk_device_handle")),
    )
    with op.batch_alter_table("device_handle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_handle_device_id"), ["device_id"], unique=False)

    op.create_table(
        "device_holding",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=True),
        sa.Column("loan_agreement", sa.Text(), nullable=True),
        sa.Column("loan_agreement_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(loan_agreement IS NULL) = (loan_agreement_on IS NULL)", name=op.f("ck_device_holding_loan_agreement")
        ),
        sa.CheckConstraint("last IS NULL OR first <= last", name=op.f("ck_device_holding_span")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_device_holding_device_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_device_holding_worker_id")),
        sa.PrimaryKeyConstraint("device_id", "worker_id", "first", name=op.f("pk_device_holding")),
    )
    with op.batch_alter_table("device_holding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_holding_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_ref", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_entry_place_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry")),
        sa.UniqueConstraint("place_id", "key", name=op.f("uq_entry_place_id_key")),
    )
    op.create_table(
        "figure_seen",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_figure_seen_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_figure_seen_worker_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "worker_id", name=op.f("pk_figure_seen")),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('without_assignment', 'reappeared', 'unreadable_entry', 'case_number_entry', 'mixed_unclear', 'place_unseen', 'order_stuck', 'declaration_missing', 'declaration_expired', 'declaration_obsolete', 'declaration_other_device', 'declaration_not_countersigned', 'loan_agreement_missing', 'phone_unprotected', 'phone_without_account')",
            name=op.f("ck_finding_kind"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_finding_case_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_finding_identifier_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_finding_place_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_finding_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        sa.UniqueConstraint("uid", name=op.f("uq_finding_uid")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index(
            "uq_finding_open",
            ["kind", "subject"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "listed_phone",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("contacts_closed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_listed_phone_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_listed_phone")),
    )
    op.create_table(
        "look",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_look_place_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_look")),
    )
    with op.batch_alter_table("look", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_look_place_id"), ["place_id"], unique=False)

    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("recoverable", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_by", sa.Text(), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("called_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_version", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.CheckConstraint("(state = 'calling') = (lease_by IS NOT NULL)", name=op.f("ck_orders_lease")),
        sa.CheckConstraint("(state = 'done') = (settled_at IS NOT NULL)", name=op.f("ck_orders_settled_once")),
        sa.CheckConstraint("(state IN ('ready', 'calling')) = (next_at IS NOT NULL)", name=op.f("ck_orders_next")),
        sa.CheckConstraint(
            "level IN ('ordered', 'store_removed', 'device_synced', 'device_attested', 'container_removed')",
            name=op.f("ck_orders_level"),
        ),
        sa.CheckConstraint("state <> 'checking' OR accepted_version IS NOT NULL", name=op.f("ck_orders_accepted")),
        sa.CheckConstraint("state <> 'done' OR level <> 'ordered'", name=op.f("ck_orders_done_is_proven")),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'calling', 'checking', 'done', 'stopped', 'person')",
            name=op.f("ck_orders_state"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_orders_case_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_orders_identifier_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_orders_place_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_orders_plan_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_orders_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("ix_orders_case_id", ["case_id"], unique=False)
        batch_op.create_index("ix_orders_place_state", ["place_id", "state"], unique=False)
        batch_op.create_index("ix_orders_plan_id", ["plan_id", "id"], unique=False)
        batch_op.create_index(
            "ix_orders_settled",
            ["settled_at", "id", "place_id", "level", "reason", "case_id"],
            unique=False,
            sqlite_where=sa.text("settled_at IS NOT NULL"),
            postgresql_where=sa.text("settled_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_orders_todo",
            ["next_at", "place_id"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_orders_unsettled",
            ["planned_at", "id"],
            unique=False,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
        batch_op.create_index("ix_orders_worker_identifier", ["worker_id", "identifier_id"], unique=False)
        batch_op.create_index(
            "uq_orders_open",
            ["place_id", "identifier_id", "verb"],
            unique=True,
            sqlite_where=sa.text("state IN ('calling', 'checking', 'person', 'ready', 'waiting')"),
            postgresql_where=sa.text("state IN ('calling', 'checking', 'person', 'ready', 'waiting')"),
        )

    op.create_table(
        "phone",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_ref", sa.LargeBinary(), nullable=False),
        sa.Column("serial_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("user_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("owned", sa.Boolean(), nullable=True),
        sa.Column("supervised", sa.Boolean(), nullable=True),
        sa.Column("managed", sa.Boolean(), nullable=True),
        sa.Column("compliant", sa.Boolean(), nullable=True),
        sa.Column("user_enrolled", sa.Boolean(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.Column("listed_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("platform IN ('ios', 'android', 'other')", name=op.f("ck_phone_platform")),
        sa.CheckConstraint("due_at IS NULL OR left_at IS NULL", name=op.f("ck_phone_who_left_is_not_asked")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_phone_connection_id")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_phone_device_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_phone_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone")),
        sa.UniqueConstraint("connection_id", "key", name=op.f("uq_phone_connection_id_key")),
        sa.UniqueConstraint("uid", name=op.f("uq_phone_uid")),
    )
    with op.batch_alter_table("phone", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_phone_device_id"), ["device_id"], unique=False)
        batch_op.create_index(
            "ix_phone_due_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_phone_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "place_device",
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_place_device_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_place_device_place_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place_id", "device_id", name=op.f("pk_place_device")),
    )
    with op.batch_alter_table("place_device", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_place_device_device_id"), ["device_id"], unique=False)

    op.create_table(
        "policy_proposal",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("replaces", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_as", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("counting_at", sa.BigInteger(), nullable=True),
        sa.Column("counted_at", sa.BigInteger(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "asked_as IN ('it_administrator', 'privacy_officer', 'data_protection_officer', 'independent_officer', 'investigator', 'work_supervisor', 'line_manager', 'worker', 'case_system', 'auditor')",
            name=op.f("ck_policy_proposal_asked_as"),
        ),
        sa.CheckConstraint("(counted_at IS NULL) = (counts IS NULL)", name=op.f("ck_policy_proposal_counted")),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_policy_proposal_decided_by_somebody")
        ),
        sa.CheckConstraint("(decided_at IS NULL) = (granted IS NULL)", name=op.f("ck_policy_proposal_decided")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> asked_by OR NOT granted", name=op.f("ck_policy_proposal_second_person")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_policy_proposal_asked_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_policy_proposal_decided_by")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_policy_proposal")),
    )
    op.create_table(
        "shared_device",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first", sa.Date(), nullable=True),
        sa.Column("last", sa.Date(), nullable=True),
        sa.CheckConstraint("first IS NULL OR last IS NULL OR first <= last", name=op.f("ck_shared_device_span")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_shared_device_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_shared_device")),
    )
    op.create_table(
        "sighting",
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("appearance", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("presence IN ('present', 'absent', 'unknown')", name=op.f("ck_sighting_presence")),
        sa.CheckConstraint("appearance > 0", name=op.f("ck_sighting_appearance")),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_sighting_identifier_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_sighting_place_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place_id", "identifier_id", name=op.f("pk_sighting")),
    )
    with op.batch_alter_table("sighting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sighting_identifier_id"), ["identifier_id"], unique=False)

    op.create_table(
        "usage_subject",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("(kind = 'account') = (worker_id IS NOT NULL)", name=op.f("ck_usage_subject_account")),
        sa.CheckConstraint("(kind = 'device') = (device_id IS NOT NULL)", name=op.f("ck_usage_subject_device")),
        sa.CheckConstraint("kind IN ('device', 'account', 'nobody')", name=op.f("ck_usage_subject_kind")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_usage_subject_device_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_usage_subject_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_subject")),
        sa.UniqueConstraint("device_id", name=op.f("uq_usage_subject_device_id")),
        sa.UniqueConstraint("worker_id", name=op.f("uq_usage_subject_worker_id")),
    )
    with op.batch_alter_table("usage_subject", schema=None) as batch_op:
        batch_op.create_index(
            "uq_usage_subject_nobody",
            ["kind"],
            unique=True,
            sqlite_where=sa.text("kind = 'nobody'"),
            postgresql_where=sa.text("kind = 'nobody'"),
        )

    op.create_table(
        "web_session",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("proven_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed_hint", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "role IN ('it_administrator', 'privacy_officer', 'data_protection_officer', 'independent_officer', 'investigator', 'work_supervisor', 'line_manager', 'worker', 'case_system', 'auditor')",
            name=op.f("ck_web_session_role"),
        ),
        sa.CheckConstraint("began_at <= seen_at", name=op.f("ck_web_session_seen_after_beginning")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_web_session_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_web_session")),
    )
    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_web_session_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_web_session_ends_at"), ["ends_at"], unique=False)

    op.create_table(
        "entry_identifier",
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entry.id"], name=op.f("fk_entry_identifier_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_entry_identifier_identifier_id")),
        sa.PrimaryKeyConstraint("entry_id", "identifier_id", name=op.f("pk_entry_identifier")),
    )
    with op.batch_alter_table("entry_identifier", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_entry_identifier_identifier_id"), ["identifier_id"], unique=False)

    op.create_table(
        "evidence",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "level IN ('ordered', 'store_removed', 'device_synced', 'device_attested', 'container_removed')",
            name=op.f("ck_evidence_level"),
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_evidence_device_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_evidence_order_id")),
        sa.PrimaryKeyConstraint("order_id", "device_id", "level", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index("ix_evidence_device_id", ["device_id", "at"], unique=False)

    op.create_table(
        "listed_app",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("managed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["listed_phone.device_id"], name=op.f("fk_listed_app_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "channel", name=op.f("pk_listed_app")),
    )
    op.create_table(
        "phone_app",
        sa.Column("phone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("managed", sa.Boolean(), nullable=True),
        sa.Column("by_name", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("presence IN ('present', 'absent', 'unknown')", name=op.f("ck_phone_app_presence")),
        sa.ForeignKeyConstraint(["phone_id"], ["phone.id"], name=op.f("fk_phone_app_phone_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("phone_id", "app", name=op.f("pk_phone_app")),
    )
    op.create_table(
        "phone_ask",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("phone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=True),
        sa.Column("repush_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'accepted', 'waiting', 'done', 'failed', 'unknown', 'lapsed', 'superseded')",
            name=op.f("ck_phone_ask_state"),
        ),
        sa.CheckConstraint("what IN ('sync', 'posture', 'pull', 'push')", name=op.f("ck_phone_ask_what")),
        sa.CheckConstraint(
            "what NOT IN ('pull', 'push') OR repush_id IS NOT NULL", name=op.f("ck_phone_ask_only_when_released")
        ),
        sa.CheckConstraint("(next_at IS NULL) = (ended_at IS NOT NULL)", name=op.f("ck_phone_ask_open_or_ended")),
        sa.ForeignKeyConstraint(["phone_id"], ["phone.id"], name=op.f("fk_phone_ask_phone_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["repush_id"], ["repush.id"], name=op.f("fk_phone_ask_repush_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_ask")),
        sa.UniqueConstraint("command", name=op.f("uq_phone_ask_command")),
    )
    with op.batch_alter_table("phone_ask", schema=None) as batch_op:
        batch_op.create_index(
            "ix_phone_ask_next_at",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.create_index("ix_phone_ask_phone", ["phone_id", "what", "made_at"], unique=False)
        batch_op.create_index(
            "uq_phone_ask_open",
            ["phone_id", "what"],
            unique=True,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )

    op.create_table(
        "phone_fact",
        sa.Column("phone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("aspect", sa.Text(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "aspect IN ('contact_account', 'contact_sync', 'default_account', 'protection', 'reads_blocked', 'open_in_blocked', 'writes_blocked', 'private_accounts_blocked', 'outlook_saving_blocked', 'cloud_backup_off')",
            name=op.f("ck_phone_fact_aspect"),
        ),
        sa.ForeignKeyConstraint(["phone_id"], ["phone.id"], name=op.f("fk_phone_fact_phone_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("phone_id", "aspect", name=op.f("pk_phone_fact")),
    )
    op.create_table(
        "repush_phone",
        sa.Column("repush_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("phone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("back_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("back_at IS NULL OR gone_at IS NOT NULL", name=op.f("ck_repush_phone_gone_before_back")),
        sa.ForeignKeyConstraint(["phone_id"], ["phone.id"], name=op.f("fk_repush_phone_phone_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["repush_id"], ["repush.id"], name=op.f("fk_repush_phone_repush_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("repush_id", "phone_id", name=op.f("pk_repush_phone")),
    )
    with op.batch_alter_table("repush_phone", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repush_phone_phone_id"), ["phone_id"], unique=False)

    op.create_table(
        "tombstone",
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_tombstone_identifier_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tombstone_order_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_tombstone_place_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place_id", "identifier_id", name=op.f("pk_tombstone")),
    )
    with op.batch_alter_table("tombstone", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tombstone_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "usage_day",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("feed_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("amount >= 0 AND samples >= 0", name=op.f("ck_usage_day_not_negative")),
        sa.ForeignKeyConstraint(["feed_id"], ["usage_feed.id"], name=op.f("fk_usage_day_feed_id")),
        sa.ForeignKeyConstraint(["kind_id"], ["usage_kind.id"], name=op.f("fk_usage_day_kind_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["usage_subject.id"], name=op.f("fk_usage_day_subject_id")),
        sa.PrimaryKeyConstraint("day", "subject_id", "feed_id", "kind_id", name=op.f("pk_usage_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_month",
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["kind_id"], ["usage_kind.id"], name=op.f("fk_usage_month_kind_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["usage_subject.id"], name=op.f("fk_usage_month_subject_id")),
        sa.PrimaryKeyConstraint("month", "subject_id", "kind_id", name=op.f("pk_usage_month")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_month_days",
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["usage_subject.id"], name=op.f("fk_usage_month_days_subject_id")),
        sa.PrimaryKeyConstraint(
            "month", "subject_id", "quantity", "confidence", "profile", name=op.f("pk_usage_month_days")
        ),
        sqlite_with_rowid=False,
    )



def downgrade() -> None:

    op.drop_table("usage_month_days")
    op.drop_table("usage_month")
    op.drop_table("usage_day")
    with op.batch_alter_table("tombstone", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tombstone_expires_at"))

    op.drop_table("tombstone")
    with op.batch_alter_table("repush_phone", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_repush_phone_phone_id"))

    op.drop_table("repush_phone")
    op.drop_table("phone_fact")
    with op.batch_alter_table("phone_ask", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_phone_ask_open",
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_phone_ask_phone")
        batch_op.drop_index(
            "ix_phone_ask_next_at",
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )

    op.drop_table("phone_ask")
    op.drop_table("phone_app")
    op.drop_table("listed_app")
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index("ix_evidence_device_id")

    op.drop_table("evidence")
    with op.batch_alter_table("entry_identifier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_entry_identifier_identifier_id"))

    op.drop_table("entry_identifier")
    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_web_session_ends_at"))
        batch_op.drop_index(batch_op.f("ix_web_session_account_id"))

    op.drop_table("web_session")
    with op.batch_alter_table("usage_subject", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_usage_subject_nobody",
            sqlite_where=sa.text("kind = 'nobody'"),
            postgresql_where=sa.text("kind = 'nobody'"),
        )

    op.drop_table("usage_subject")
    with op.batch_alter_table("sighting", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sighting_identifier_id"))

    op.drop_table("sighting")
    op.drop_table("shared_device")
    op.drop_table("policy_proposal")
    with op.batch_alter_table("place_device", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_place_device_device_id"))

    op.drop_table("place_device")
    with op.batch_alter_table("phone", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_phone_worker_id"))
        batch_op.drop_index(
            "ix_phone_due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_phone_device_id"))

    op.drop_table("phone")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_orders_open",
            sqlite_where=sa.text("state IN ('calling', 'checking', 'person', 'ready', 'waiting')"),
            postgresql_where=sa.text("state IN ('calling', 'checking', 'person', 'ready', 'waiting')"),
        )
        batch_op.drop_index("ix_orders_worker_identifier")
        batch_op.drop_index(
            "ix_orders_unsettled",
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_orders_todo",
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_orders_settled",
            sqlite_where=sa.text("settled_at IS NOT NULL"),
            postgresql_where=sa.text("settled_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_orders_plan_id")
        batch_op.drop_index("ix_orders_place_state")
        batch_op.drop_index("ix_orders_case_id")

    op.drop_table("orders")
    with op.batch_alter_table("look", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_look_place_id"))

    op.drop_table("look")
    op.drop_table("listed_phone")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_finding_open", sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL")
        )

    op.drop_table("finding")
    op.drop_table("figure_seen")
    op.drop_table("entry")
    with op.batch_alter_table("device_holding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_holding_worker_id"))

    op.drop_table("device_holding")
    with op.batch_alter_table("device_handle", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_handle_device_id"))

    op.drop_table("device_handle")
    op.drop_table("device_fetch")
    with op.batch_alter_table("deputy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deputy_team"))
        batch_op.drop_index(batch_op.f("ix_deputy_account_id"))

    op.drop_table("deputy")
    op.drop_table("declaration_reminder")
    with op.batch_alter_table("declaration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_declaration_worker_id"))
        batch_op.drop_index(batch_op.f("ix_declaration_device_id"))

    op.drop_table("declaration")
    op.drop_table("conversation")
    with op.batch_alter_table("contest", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contest_device_id"))

    op.drop_table("contest")
    with op.batch_alter_table("closure", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_closure_in_force",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_closure_team")
        batch_op.drop_index("ix_closure_case_id")

    op.drop_table("closure")
    op.drop_table("checked_holding")
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_approval_open",
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )

    op.drop_table("approval")
    op.drop_table("account_role")
    with op.batch_alter_table("place", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_place_worker_id"))

    op.drop_table("place")
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pair_identifier_id"))
        batch_op.drop_index(
            "ix_pair_due_at", sqlite_where=sa.text("due_at IS NOT NULL"), postgresql_where=sa.text("due_at IS NOT NULL")
        )

    op.drop_table("pair")
    op.drop_table("moment")
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_link_identifier_id"))

    op.drop_table("link")
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hold_worker_id"))
        batch_op.drop_index(batch_op.f("ix_hold_case_id"))

    op.drop_table("hold")
    op.drop_table("duty_day")
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_worker_id"))

    op.drop_table("device")
    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.drop_index("ix_deviation_pair")

    op.drop_table("deviation")
    with op.batch_alter_table("client_contact", schema=None) as batch_op:
        batch_op.drop_index("ix_client_contact_feed_id_day")

    op.drop_table("client_contact")
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assignment_worker_ref"))

    op.drop_table("assignment")
    op.drop_table("account")
    op.drop_table("absence")
    op.drop_table("worker")
    with op.batch_alter_table("usage_run", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_usage_run_digest", sqlite_where=sa.text("NOT withdrawn"), postgresql_where=sa.text("NOT withdrawn")
        )
        batch_op.drop_index(batch_op.f("ix_usage_run_feed_id"))

    op.drop_table("usage_run")
    op.drop_table("report_told")
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_pause_everything",
            sqlite_where=sa.text("ended_at IS NULL AND connection_id IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND connection_id IS NULL"),
        )
        batch_op.drop_index(
            "uq_pause_connection",
            sqlite_where=sa.text("ended_at IS NULL AND connection_id IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND connection_id IS NOT NULL"),
        )

    op.drop_table("pause")
    op.drop_table("manager_state")
    op.drop_table("log_restricted")
    op.drop_table("import_run")
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gate_employer_id"))

    op.drop_table("gate")
    op.drop_table("directory")
    op.drop_table("cases")
    op.drop_table("witness")
    op.drop_table("usage_kind")
    op.drop_table("usage_feed")
    op.drop_table("repush")
    op.drop_table("released_cells")
    op.drop_table("plan")
    op.drop_table("periodic_check")
    op.drop_table("outlet")
    op.drop_table("named_view")
    op.drop_table("log_head")
    op.drop_table("log_entry")
    with op.batch_alter_table("kept_report", schema=None) as batch_op:
        batch_op.drop_index("ix_kept_report_view")

    op.drop_table("kept_report")
    op.drop_table("installation")
    op.drop_table("identifier")
    op.drop_table("employer")
    op.drop_table("declaration_text")
    op.drop_table("connection")
    op.drop_table("case_system")
    op.drop_table("api_token")

