"""Planted: data that becomes code, commands or files."""

import marshal  # hole: growsoft-data-becomes-code
import os
import pickle  # hole: growsoft-data-becomes-code
import re
import shutil
import subprocess
import tarfile
import xml.etree.ElementTree as ElementTree  # hole: growsoft-xml-parser
from xml.dom import minidom  # hole: growsoft-xml-parser

import yaml


def run(text, data, archive):
    eval(text)  # hole: growsoft-data-becomes-code
    exec(text)  # hole: growsoft-data-becomes-code
    compile(text, "customer", "exec")  # hole: growsoft-data-becomes-code
    __import__(text)  # hole: growsoft-data-becomes-code
    pickle.loads(data)  # hole: growsoft-data-becomes-code
    marshal.loads(data)  # hole: growsoft-data-becomes-code
    yaml.load(text)  # hole: growsoft-data-becomes-code
    yaml.safe_load(text)
    re.compile(text)
    subprocess.run(text, shell=True, check=True)  # hole: growsoft-shell-command
    subprocess.Popen(text, shell=True)  # hole: growsoft-shell-command
    os.system(text)  # hole: growsoft-shell-command
    subprocess.run(["pg_dump", text], check=True)
    tarfile.open(archive).extractall("there")  # hole: growsoft-unpack-everything
    shutil.unpack_archive(archive)  # hole: growsoft-unpack-everything
    tarfile.open(archive).extractall("there", filter="data")
