"""The package `mnc.grammar` lies in grammar/, beside mnc/, which pyproject.toml has no way to say."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["mnc", "mnc.*"]), "mnc.grammar"],
    package_dir={"mnc.grammar": "grammar"},
)
