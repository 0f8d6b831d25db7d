"""Removes the files of a folder from the memory of the system, so that they are read from the disk again.

usage: evict_files.py FOLDER
"""
import os
import sys

for entry in os.scandir(sys.argv[1]):
    file = os.open(entry.path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)
