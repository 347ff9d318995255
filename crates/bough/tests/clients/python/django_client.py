"""An application of Django: its migrations are made, run, taken back and run again, and its models used.

Where to connect stands in the environment (see main.rs). Ends with 0 and "ok" when all is as it should be.
"""

import datetime
import decimal
import importlib
import os
import pathlib
import sys
import tempfile
import uuid

import django
from django.conf import settings

FOLDER = pathlib.Path(tempfile.mkdtemp())
(FOLDER / "store" / "migrations").mkdir(parents=True)
(FOLDER / "store" / "__init__.py").touch()
(FOLDER / "store" / "migrations" / "__init__.py").touch()
sys.path.insert(0, str(FOLDER))

FIRST = '''
from django.db import models

class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)
    born = models.DateField(null=True)
    boss = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)

class Book(models.Model):
    code = models.UUIDField(primary_key=True)
    title = models.CharField(max_length=200, db_index=True)
    text = models.TextField(blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2)
    sold = models.PositiveIntegerField(default=0)
    rating = models.FloatField(null=True)
    cover = models.BinaryField(null=True)
    data = models.JSONField(default=dict)
    lent = models.DurationField(null=True)
    made = models.DateTimeField(auto_now_add=True)
    is_new = models.BooleanField(default=True)
    authors = models.ManyToManyField(Author)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(price__gte=0), name="price_is_no_debt"),
                       models.UniqueConstraint(fields=["title", "sold"], name="one_title")]
        indexes = [models.Index(fields=["-made", "title"], name="latest")]
'''
# Columns added, changed, renamed and dropped; an index gone.
SECOND = FIRST.replace("max_length=100", "max_length=150").replace("is_new", "is_fresh").replace(
    "    rating = models.FloatField(null=True)\n", "    pages = models.SmallIntegerField(default=1)\n").replace(
    '        indexes = [models.Index(fields=["-made", "title"], name="latest")]\n', "")


def write(text):
    (FOLDER / "store" / "models.py").write_text(text)


write(FIRST)
settings.configure(
    SECRET_KEY="of a test",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "store"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": os.environ["BOUGH_HOST"], "PORT": os.environ["BOUGH_PORT"], "NAME": os.environ["BOUGH_DATABASE"],
        "USER": os.environ["BOUGH_USER"], "PASSWORD": os.environ["BOUGH_PASSWORD"], "CONN_MAX_AGE": 60,
        "OPTIONS": {"charset": "utf8mb4", "ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": os.environ["BOUGH_CA"]}},
    }},
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402

quiet = {"verbosity": 0}
call_command("makemigrations", "store", **quiet)
call_command("migrate", **quiet)

from store.models import Author, Book  # noqa: E402

ada = Author.objects.create(name="Ada 🦀", born=datetime.date(1815, 12, 10))
ben = Author.objects.create(name="Ben", boss=ada)
code = uuid.uuid4()
with transaction.atomic():
    book = Book.objects.create(code=code, title="ünïcødé", text="x" * 100_000, price=decimal.Decimal("9.99"), rating=0.5,
                               cover=b"\x00\xff", data={"a": [1, {"b": None}]}, lent=datetime.timedelta(hours=3))
    book.authors.set([ada, ben])
read = Book.objects.select_related().prefetch_related("authors").get(data__a__1__b=None, title__startswith="ünï")
assert (read.code, read.price, read.rating, bytes(read.cover)) == (code, decimal.Decimal("9.99"), 0.5, b"\x00\xff")
assert (read.data, read.lent, read.is_new) == ({"a": [1, {"b": None}]}, datetime.timedelta(hours=3), True)
assert abs(read.made - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(hours=1)
assert [author.name for author in read.authors.order_by("name")] == ["Ada 🦀", "Ben"]
try:
    with transaction.atomic():
        Book.objects.create(code=uuid.uuid4(), title="debt", price=-1)
    raise AssertionError("the check is kept")
except IntegrityError:
    pass
assert Book.objects.aggregate(models.Sum("price"))["price__sum"] == decimal.Decimal("9.99")
with transaction.atomic():
    assert Author.objects.select_for_update().filter(boss=ada).update(name="Benjamin") == 1
Author.objects.bulk_create([Author(name=f"author {number}") for number in range(500)])
assert Author.objects.count() == 502 and sum(1 for _ in Author.objects.iterator(chunk_size=50)) == 502

# As the developer goes on: the models change, and so does what Django knows of them.
write(SECOND)
for name in [name for name in sys.modules if name == "store" or name.startswith("store.")]:
    del sys.modules[name]
django.apps.apps.app_configs["store"].models_module = None
django.apps.apps.all_models["store"].clear()
django.apps.apps.clear_cache()
importlib.invalidate_caches()
django.apps.apps.app_configs["store"].import_models()

from django.db.migrations import questioner  # noqa: E402

# Whether a column was renamed: yes.
questioner.InteractiveMigrationQuestioner._boolean_input = lambda *_, **__: True
call_command("makemigrations", "store", **quiet)
call_command("migrate", **quiet)
with connection.cursor() as cursor:
    columns = {column.name for column in connection.introspection.get_table_description(cursor, "store_book")}
assert {"is_fresh", "pages"} <= columns and not {"is_new", "rating"} & columns, columns
call_command("migrate", "store", "0001", **quiet)
call_command("migrate", "store", "0002", **quiet)
call_command("migrate", "store", "zero", **quiet)
assert not [name for name in connection.introspection.table_names() if name.startswith("store_")]
call_command("migrate", **quiet)
print("ok")
