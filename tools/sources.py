"""The project's C++ files. Run as a program, lists them."""
import pathlib

FOLDERS = ("transport", "persistence", "actors", "apps", "tests")


def cxx_files(root: pathlib.Path):
    """Every .hpp and .cpp of the project, as sorted paths relative to `root`."""
    found = []
    for folder in FOLDERS:
        for path in (root / folder).rglob("*.[hc]pp"):
            if "node_modules" not in path.parts:
                found.append(path.relative_to(root))
    return sorted(found)


if __name__ == "__main__":
    print(*cxx_files(pathlib.Path(__file__).parent.parent), sep="\n")
