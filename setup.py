"""What pyproject.toml cannot say: the package `mnc.grammar` lies in grammar/, beside mnc/."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["mnc", "mnc.*"]), "mnc.grammar"],
    package_dir={"mnc.grammar": "grammar"},
)
