"""Clients generated from /openapi.json by others' generators: each creates, lists, follows and trains."""

import ast
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import requests

URL = os.environ["PUBLIC_URL"]
SANDBOX = os.environ["TV_API_URL"]
TOKEN = os.environ["TOKEN"]
BIN = pathlib.Path(sys.executable).parent


def run(*command):
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if finished.returncode != 0:
        raise AssertionError(finished.stdout + finished.stderr)


def quick():
    """The next dataset is made at once."""
    scenario = {"steps": 3, "step_delay": 0.05}
    requests.post(SANDBOX + "/sandbox/tv/scenario", json=scenario, timeout=10).raise_for_status()


def settle(slug):
    """Waits until no dataset of the wishlist is at work: an earlier run may have left one."""
    for _ in range(200):
        answer = requests.get(f"{URL}/api/v1/wishlist-to-group", params={"slug": slug},
                              headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
        if answer.json()["data"][0]["create"]["active_history_id"] is None:
            return
        time.sleep(0.1)
    raise AssertionError(f"{slug} is still at work")


class Generated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.description = cls.folder / "openapi.json"
        cls.description.write_bytes(requests.get(URL + "/openapi.json", timeout=10).content)
        sys.path.insert(0, folder.name)
        cls.addClassCleanup(sys.path.remove, folder.name)

    def test_openapi_python_client(self):
        run(BIN / "openapi-python-client", "generate", "--path", self.description, "--meta", "none",
            "--output-path", self.folder / "datasets_client")
        for each in (self.folder / "datasets_client" / "models").glob("*.py"):
            for line in each.read_text().splitlines():
                self.assertNotRegex(line, r"^    \w+: .*\bAny\b(?!\])", f"{each.name}: a member of no type")
        calls = [each for each in (self.folder / "datasets_client" / "api").glob("*/*.py") if each.stem != "__init__"]
        self.assertGreater(len(calls), 8)
        for each in calls:
            for function in ast.walk(ast.parse(each.read_text())):
                # What a call takes and answers; `_get_kwargs` is for httpx.
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name != "_get_kwargs":
                    types = [argument.annotation for argument in function.args.args + function.args.kwonlyargs]
                    for kind in filter(None, [*types, function.returns]):
                        self.assertNotRegex(ast.unparse(kind), r"\bAny\b", f"{each.name}: {function.name}")
        models = importlib.import_module("datasets_client.models")
        client = importlib.import_module("datasets_client").AuthenticatedClient(
            base_url=URL, token=TOKEN, raise_on_unexpected_status=True)
        call = lambda name: importlib.import_module(f"datasets_client.api.{name}")  # noqa: E731
        slug = "standing-desks"
        settle(slug)
        quick()
        create = call("datasets.create_analysis")
        created = create.sync(slug, client=client, body=models.CreateRequest(name="By a generated client"))
        self.assertIsInstance(created, models.HistoryAnswer, created)
        history = created.data
        self.assertEqual(history.notifications, models.NotificationPreference.ALL)
        again = create.sync(slug, client=client)
        if isinstance(again, models.Error):  # else the first one has ended already
            self.assertEqual((again.code, again.data.id), ("dataset_already_processing", history.id))
            settle(slug)

        # Trial 20: what is left out is not sent.
        by_cursor = call("datasets.list_histories").sync(slug, client=client, cursor="")
        self.assertIsInstance(by_cursor, models.CursorPage, by_cursor)
        by_page = call("datasets.list_histories").sync(slug, client=client, page=1, per_page=1)
        self.assertIsInstance(by_page, models.NumberedPage, by_page)
        self.assertIn(history.id, [each.id for each in by_cursor.data])
        self.assertEqual(by_page.meta.per_page, 1)

        events = self.follow(lambda after: call("datasets.list_events").sync(
            slug, history.id, client=client, after=after), models.EventType.DATASET_COMPLETED)
        newest = call("datasets.list_events").sync(slug, history.id, client=client, before=2**62, per_page=500)
        self.assertEqual([each.revision for each in newest.data], list(reversed(events)))
        shown = call("datasets.show_history").sync(slug, history.id, client=client)
        self.assertEqual(shown.data.status, models.HistoryStatus.COMPLETED)
        self.assertGreater(len(shown.data.result.additional_properties), 0)
        self.assertIsInstance(shown.data.created_by_name, str)
        if shown.data.id == by_page.data[0].id:
            wanted = models.TrainingRequest(training_status=models.TrainingStatusLabel.REQUESTED)
            trained = call("training.update_training_status").sync(slug, client=client, body=wanted)
            self.assertIsInstance(trained, models.TrainingAnswer, trained)
            self.assertEqual(trained.data.training_status, models.TrainingStatus.REQUESTED)
        wishlist = call("wishlists.list_wishlists").sync(client=client, slug=slug).data[0]
        self.assertTrue(wishlist.train.allowed)

    def follow(self, read, last):
        """All revisions until the last event, without a gap."""
        seen = []
        for _ in range(300):
            page = read(seen[-1] if seen else 0)
            for event in page.data:
                self.assertEqual(event.revision, (seen[-1] if seen else 0) + 1)
                seen.append(event.revision)
                if event.type_ == last if hasattr(event, "type_") else event.type == last:
                    return seen
            time.sleep(0.05)
        raise AssertionError(f"it did not end: {seen}")

    def test_datamodel_codegen(self):
        run(BIN / "datamodel-codegen", "--input", self.description, "--input-file-type", "openapi", "--output",
            self.folder / "datasets_models.py", "--output-model-type", "pydantic_v2.BaseModel",
            "--formatters", "builtin")
        self.assertNotRegex((self.folder / "datasets_models.py").read_text(), r"\bAny\b(?!\])", "a member of no type")
        models = importlib.import_module("datasets_models")
        slug, path = "autumn-living-room", f"{URL}/api/v1/wishlist-to-group/autumn-living-room"
        web = requests.Session()
        web.headers["Authorization"] = f"Bearer {TOKEN}"

        def call(model, method, url, body=None, **query):
            data = body and json.loads(body.model_dump_json(exclude_unset=True))
            answer = web.request(method, url, json=data, params=query, timeout=30)
            self.assertLess(answer.status_code, 300, answer.text)
            return model.model_validate(answer.json())

        settle(slug)
        quick()
        created = call(models.HistoryAnswer, "POST", f"{path}/createAnalysis",
                       models.CreateRequest(name="By generated models", notifications="milestones")).data
        self.assertEqual(created.notifications.value, "milestones")
        self.assertIn(created.id, [each.id for each in call(models.CursorPage, "GET", f"{path}/histories",
                                                            cursor="").data])
        self.assertEqual(call(models.NumberedPage, "GET", f"{path}/histories", page=1, per_page=1).meta.per_page, 1)
        events = f"{path}/histories/{created.id}/events"
        self.follow(lambda after: call(models.Timeline, "GET", events, after=after), models.EventType.dataset_completed)
        call(models.HistoryAnswer, "GET", f"{path}/histories/{created.id}")
        wanted = models.TrainingRequest(training_status="requested")
        trained = call(models.TrainingAnswer, "PATCH", f"{path}/update-training-status", wanted).data
        self.assertEqual(trained.training_status_label.value, "requested")
        call(models.WishlistPage, "GET", f"{URL}/api/v1/wishlist-to-group")


if __name__ == "__main__":
    unittest.main(verbosity=2)
