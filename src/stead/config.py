"""The settings, and the only reader of the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How one Stead runs. Picklable: it travels to the workers."""

    host: str = "127.0.0.1"
    port: int = 4566
    data_dir: Path = Path(".stead")
    ephemeral: bool = False
    database_url: str = ""
    workers: int = 1
    account_id: str = "123456789012"
    root_credentials: str = ""
    neighbours: str = "embedded"
    neighbours_credentials: str = ""
    rehearse_propagation: int = 0
    insecure_remote: bool = False
    allow_real_aws: bool = False

    @property
    def store_url(self) -> str:
        """The database: PostgreSQL where a URL is given, else SQLite in the data directory."""
        url = self.database_url or f"sqlite:///{self.data_dir / 'stead.db'}"
        return url.replace("postgresql://", "postgresql+psycopg://", 1) if url.startswith("postgresql://") else url
