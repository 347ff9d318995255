"""An application of SQLAlchemy: Alembic finds what to change by itself, changes it and takes it back; then models are used.

Where to connect stands in the environment (see main.rs). Ends with 0 and "ok" when all is as it should be.
"""

import datetime
import decimal
import os
import pathlib
import tempfile

import sqlalchemy as sa
from alembic import command, config
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import orm
from sqlalchemy.dialects import mysql

FOLDER = pathlib.Path(tempfile.mkdtemp())
URL = sa.URL.create(
    "mysql+mysqldb", os.environ["BOUGH_USER"], os.environ["BOUGH_PASSWORD"], os.environ["BOUGH_HOST"],
    int(os.environ["BOUGH_PORT"]), os.environ["BOUGH_DATABASE"], {"charset": "utf8mb4"},
)
ENGINE = sa.create_engine(URL, pool_pre_ping=True, connect_args={"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": os.environ["BOUGH_CA"]}})


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "sa_author"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(100), unique=True, comment="ünï")
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "sa_book"
    __table_args__ = (sa.Index("latest", "made", "title"), sa.CheckConstraint("price >= 0", name="no_debt"))
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("sa_author.id", ondelete="CASCADE"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")
    title: orm.Mapped[str] = orm.mapped_column(sa.String(200))
    price: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(12, 2))
    kind: orm.Mapped[str] = orm.mapped_column(sa.Enum("paper", "screen", name="kind"), server_default="paper")
    data: orm.Mapped[dict] = orm.mapped_column(sa.JSON)
    cover: orm.Mapped[bytes | None] = orm.mapped_column(mysql.LONGBLOB)
    made: orm.Mapped[datetime.datetime] = orm.mapped_column(mysql.DATETIME(fsp=6), server_default=sa.func.now(6))


ENV = '''
from alembic import context
attributes = context.config.attributes
with attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=attributes["metadata"], compare_server_default=False)
    with context.begin_transaction():
        context.run_migrations()
'''
TEMPLATE = '''"""${message}"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
def upgrade():
    ${upgrades if upgrades else "pass"}
def downgrade():
    ${downgrades if downgrades else "pass"}
'''
(FOLDER / "versions").mkdir()
(FOLDER / "env.py").write_text(ENV)
(FOLDER / "script.py.mako").write_text(TEMPLATE)
settings = config.Config(stdout=open(os.devnull, "w"))
settings.set_main_option("script_location", str(FOLDER))
settings.set_main_option("path_separator", "os")
settings.attributes.update(engine=ENGINE, metadata=Base.metadata)


def differences():
    with ENGINE.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)


first = command.revision(settings, "first", autogenerate=True)
command.upgrade(settings, "head")
assert not differences(), differences()

with orm.Session(ENGINE) as session, session.begin():
    author = Author(name="Ada 🦀")
    author.books = [Book(title=f"book {number}", price=decimal.Decimal("9.99"), data={"a": [number, None]}, cover=b"\x00\xff") for number in range(300)]
    session.add(author)
with orm.Session(ENGINE) as session:
    book = session.scalars(sa.select(Book).where(Book.data["a"][0].as_integer() == 7)).one()
    assert (book.title, book.price, book.kind, book.cover, book.author.name) == ("book 7", decimal.Decimal("9.99"), "paper", b"\x00\xff", "Ada 🦀")
    assert abs(book.made - datetime.datetime.now()) < datetime.timedelta(days=1)
    streamed = session.scalars(sa.select(Book).execution_options(yield_per=50))
    assert sum(1 for _ in streamed) == 300
    with session.begin_nested() as savepoint:
        book.title = "another"
        session.flush()
        savepoint.rollback()
    session.refresh(book)
    assert book.title == "book 7"
    try:
        session.execute(sa.insert(Book).values(author_id=book.author_id, title="x", price=-1, data={}))
        raise AssertionError("the check is kept")
    except sa.exc.DBAPIError as error:
        assert error.orig.args[0] == 4025, error.orig
    session.rollback()
    session.delete(session.get_one(Author, book.author_id))
    session.commit()
    assert session.scalar(sa.select(sa.func.count()).select_from(Book)) == 0

# The models change: Alembic finds it, changes it and takes it back.
book = Base.metadata.tables["sa_book"]
book.append_column(sa.Column("pages", sa.SmallInteger, nullable=False, server_default="1"))
sa.Index("by_pages", book.c.pages)
Base.metadata.tables["sa_author"].c.name.type = sa.String(150)
command.revision(settings, "second", autogenerate=True)
command.upgrade(settings, "head")
assert not differences(), differences()
with ENGINE.connect() as connection:
    found = sa.inspect(connection)
    assert {column["name"] for column in found.get_columns("sa_book")} >= {"pages", "kind"}
    assert found.get_foreign_keys("sa_book")[0]["options"] == {"ondelete": "CASCADE"}
command.downgrade(settings, first.revision)
assert len(differences()) == 3, differences()
command.downgrade(settings, "base")
command.upgrade(settings, "head")
assert not differences(), differences()
print("ok")
