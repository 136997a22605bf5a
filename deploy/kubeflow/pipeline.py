"""An example: what was trained is registered if modelsweep passes it. `python pipeline.py` writes pipeline.yaml."""

from pathlib import Path

from kfp import compiler, components, dsl

HERE = Path(__file__).parent
scan = components.load_component_from_file(str(HERE / "scan-model.yaml"))


@dsl.container_component
def train(model: dsl.Output[dsl.Model]):  # type: ignore[no-untyped-def] # kfp reads the signature
    """Stand for your training."""
    return dsl.ContainerSpec(image="registry.example/train:1", args=["--out", model.path])


@dsl.container_component
def register(model: dsl.Input[dsl.Model]):  # type: ignore[no-untyped-def] # kfp reads the signature
    """Stand for your registration."""
    return dsl.ContainerSpec(image="registry.example/register:1", args=[model.path])


@dsl.pipeline(name="train-scan-register")
def pipeline() -> None:
    """Train, scan, register."""
    trained = train()
    scanned = scan(model=trained.outputs["model"], fail_on="warning")
    # A result from the cache would say nothing about attacks that became known since
    scanned.set_caching_options(False)
    register(model=trained.outputs["model"]).after(scanned)


if __name__ == "__main__":
    compiler.Compiler().compile(pipeline, "pipeline.yaml")
