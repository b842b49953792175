"""What the Hub allows in the YAML of a dataset card.

Sources: the specification https://github.com/huggingface/hub-docs/blob/main/datasetcard.md and the pages on licenses,
gated datasets and the dataset viewer beside it; the docstring of `huggingface_hub.DatasetCardData`; the list of tasks
in https://github.com/huggingface/huggingface.js/blob/main/packages/tasks/src/pipelines.ts. The Hub adds to its licenses
and tasks from time to time: add to them here.
"""

from __future__ import annotations

from typing import Any

from publisher.card.metadata import SIZE_CATEGORIES

TEXT, TEXTS, BOTH = "a string", "a list of strings", "a string or a list of strings"
LIST, RECORD, RECORDS, ANY = "a list", "a mapping", "a mapping or a list of mappings", "anything"

FIELDS = {
    "annotations_creators": BOTH,
    "config_names": BOTH,
    "configs": LIST,
    "dataset_info": RECORDS,
    "extra_gated_button_content": TEXT,
    "extra_gated_description": TEXT,
    "extra_gated_eu_disallowed": ANY,
    "extra_gated_fields": RECORDS,
    "extra_gated_heading": TEXT,
    "extra_gated_prompt": TEXT,
    "language": BOTH,
    "language_bcp47": BOTH,
    "language_creators": BOTH,
    "language_details": BOTH,
    "license": BOTH,
    "license_details": TEXT,
    "license_link": TEXT,
    "license_name": TEXT,
    "multilinguality": BOTH,
    "paperswithcode_id": TEXT,
    "pretty_name": TEXT,
    "size_categories": BOTH,
    "source_datasets": BOTH,
    "tags": BOTH,
    "task_categories": BOTH,
    "task_ids": BOTH,
    "thumbnail": TEXT,
    "train-eval-index": LIST,
    "viewer": ANY,
}

_CREATORS = ["crowdsourced", "expert-generated", "found", "machine-generated", "other"]

LICENSES = """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0
    etalab-2.0 eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 h-research
    intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c
    mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openrail openrail++ osl-3.0 other pddl postgresql
    unknown unlicense wtfpl zlib
"""

TASKS = """
    any-to-any audio-classification audio-text-to-text audio-to-audio automatic-speech-recognition
    conversational depth-estimation document-question-answering feature-extraction fill-mask graph-ml
    image-classification image-feature-extraction image-segmentation image-text-to-image image-text-to-text
    image-text-to-video image-to-3d image-to-image image-to-text image-to-video keypoint-detection
    mask-generation multiple-choice object-detection other question-answering reinforcement-learning robotics
    sentence-similarity summarization table-question-answering table-to-text tabular-classification
    tabular-regression tabular-to-text text-classification text-generation text-ranking text-retrieval
    text-to-3d text-to-audio text-to-image text-to-speech text-to-video text2text-generation
    time-series-forecasting token-classification translation unconditional-image-generation video-classification
    video-text-to-text video-to-video visual-document-retrieval visual-question-answering
    voice-activity-detection zero-shot-classification zero-shot-image-classification zero-shot-object-detection
"""

ALLOWED = {
    "annotations_creators": [*_CREATORS, "no-annotation"],
    "language_creators": _CREATORS,
    "license": LICENSES.split(),
    "multilinguality": ["monolingual", "multilingual", "other", "translation"],
    "size_categories": [*SIZE_CATEGORIES.values(), "n>1T", "other"],
    "task_categories": TASKS.split(),
}


def has_form(value: Any, form: str) -> bool:
    """Whether a field's value has the form that `FIELDS` gives it.

    Examples
    --------
    >>> has_form("mit", BOTH), has_form(["mit", False], BOTH)
    (True, False)
    """
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    mappings = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    forms = {
        TEXT: isinstance(value, str),
        TEXTS: texts,
        BOTH: isinstance(value, str) or texts,
        LIST: isinstance(value, list),
        RECORD: isinstance(value, dict),
        RECORDS: isinstance(value, dict) or mappings,
        ANY: True,
    }
    return forms[form]
