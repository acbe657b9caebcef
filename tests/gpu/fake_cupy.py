"""As much of CuPy as treec calls, on the CPU: kernels are run by PoCL, from the OpenCL form of the same file.

It is strict where CuPy is: arrays are no numpy arrays and do not become such by themselves, scalars have the kernel's
types, memory of another device is refused. What it can't show is that CuPy behaves as its documentation says.
"""

# pyright: basic

from __future__ import annotations

import types
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.gpu.pocl import device as pocl_device
from treec.codegen.gpu_abi import STATIC_SHARED

CUDA = 2


class DeviceArray:
    """Memory of the device; ``calls`` of the module notes each copy to the host."""

    def __init__(self, data: NDArray[Any], cupy: Any, number: int = 0) -> None:
        self.data_, self.cupy_, self.device = data, cupy, types.SimpleNamespace(id=number)

    shape = property(lambda self: self.data_.shape)
    ndim = property(lambda self: self.data_.ndim)
    size = property(lambda self: self.data_.size)
    dtype = property(lambda self: self.data_.dtype)
    itemsize = property(lambda self: self.data_.itemsize)
    strides = property(lambda self: self.data_.strides)

    def _made(self, data: Any) -> Any:
        return DeviceArray(np.asarray(data), self.cupy_, self.device.id)

    def __len__(self) -> int:
        return len(self.data_)

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.device.id

    def get(self) -> NDArray[Any]:
        self.cupy_.calls.append("get")
        return self.data_.copy()

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return self._made(self.data_.astype(dtype, copy=copy))

    def reshape(self, *shape: Any) -> Any:
        return self._made(self.data_.reshape(*shape))

    def argmax(self, axis: int) -> Any:
        return self._made(self.data_.argmax(axis=axis))

    def __getitem__(self, key: Any) -> Any:
        return self._made(self.data_[key.data_ if isinstance(key, DeviceArray) else key])

    def __gt__(self, other: Any) -> Any:
        return self._made(self.data_ > other)

    def __ge__(self, other: Any) -> Any:
        return self._made(self.data_ >= other)

    def __rsub__(self, other: Any) -> Any:
        return self._made(other - self.data_)

    def __array_function__(self, function: Any, _: Any, arguments: Any, named: Any) -> Any:
        if function not in (np.stack, np.split):
            return NotImplemented
        values = [part.data_ for part in arguments[0]] if function is np.stack else arguments[0].data_
        made = function(values, *arguments[1:], **named)
        return [self._made(part) for part in made] if function is np.split else self._made(made)


class Module:
    """`RawModule`: CUDA source is taken for its OpenCL form, which ``file`` has."""

    def __init__(self, cupy: Any, **options: Any) -> None:
        self.cupy = cupy
        if "path" in options:
            raise AssertionError("the device is of another architecture than the file's machine code")
        assert options["code"] == cupy.file.sources["cuda"]
        assert options["backend"] == "nvrtc"
        assert options["options"][-1] == "-std=c++17"
        assert set(cupy.file.plan.options["cuda"]) <= set(options["options"])

    def compile(self) -> None:
        import pyopencl as cl

        self.context = cl.Context([pocl_device()])
        self.queue = cl.CommandQueue(self.context)
        source, options = self.cupy.file.sources["opencl"], list(self.cupy.file.plan.options["opencl"])
        self.program = cl.Program(self.context, source).build(options=options)

    def get_function(self, symbol: str) -> Any:
        import pyopencl as cl

        kernel, wanted = cl.Kernel(self.program, symbol), self.cupy.file.plan.kernel(symbol)

        def launch(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...], *, shared_mem: int) -> None:
            assert len(arguments) == len(wanted.arguments)
            assert shared_mem == wanted.dynamic_bytes, "CUDA would give the kernel other shared memory than it uses"
            if shared_mem > STATIC_SHARED:
                assert launched.max_dynamic_shared_size_bytes == shared_mem, "CUDA would refuse the launch"
            self.cupy.calls.append(symbol)
            flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
            passed: list[Any] = []
            back: list[tuple[NDArray[Any], Any]] = []
            for argument, value in zip(wanted.arguments, arguments, strict=True):
                if argument.kind == "scalar":
                    assert type(value) is np.int64
                    passed.append(value)
                    continue
                assert isinstance(value, DeviceArray)
                assert value.device.id == self.cupy.current
                memory = _memory(value.data_)
                passed.append(cl.Buffer(self.context, flags, hostbuf=memory if memory.size else np.zeros(16, np.uint8)))
                back += [(memory, passed[-1])] if argument.kind in ("out", "scratch") else []
            size = tuple(blocks * threads for blocks, threads in zip(grid, block, strict=True))
            kernel(self.queue, size, block, *passed)
            for memory, buffer in back:
                cl.enqueue_copy(self.queue, memory, buffer).wait()

        launched = Function(launch)
        return launched


class Function:
    """A kernel; what it may be launched with is set before."""

    max_dynamic_shared_size_bytes = STATIC_SHARED

    def __init__(self, launch: Any) -> None:
        self.launch = launch

    def __call__(self, *arguments: Any, **more: Any) -> None:
        self.launch(*arguments, **more)


def _memory(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The bytes from the first element to the last, seen, not copied."""
    reach = sum((n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)) + array.itemsize
    flat = np.lib.stride_tricks.as_strided(array, (reach // array.itemsize,), (array.itemsize,))
    return flat.view(np.uint8) if array.size else np.zeros(0, np.uint8)


def fake_cupy(file: Any, *, room: int = 1 << 40, devices: int = 1, shared: int = 227 << 10) -> Any:
    """The module, for one model's file. ``room``: bytes that one array may have; ``devices``: GPUs there are; ``shared``:
    bytes of shared memory that a block may ask for."""
    cupy: Any = types.ModuleType("cupy")
    cupy.file, cupy.calls, cupy.current, cupy.ndarray = file, [], 0, DeviceArray

    class OutOfMemoryError(MemoryError):
        pass

    class CUDARuntimeError(RuntimeError):
        pass

    class Device:
        compute_capability = "75"

        def __init__(self) -> None:
            self.id = cupy.current

        def __enter__(self) -> Any:
            self.before, cupy.current = cupy.current, self.id
            return self

        def __exit__(self, *_: object) -> None:
            cupy.current = self.before

    def count() -> int:
        if devices == 0:
            raise CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return devices

    def asarray(data: NDArray[Any]) -> Any:
        assert isinstance(data, np.ndarray)
        return _placed(data.copy(order="K"))

    def _placed(data: NDArray[Any]) -> Any:
        if data.nbytes > room:
            raise OutOfMemoryError(f"Out of memory allocating {data.nbytes} bytes")
        return DeviceArray(data, cupy, cupy.current)

    def from_dlpack(tensor: Any) -> Any:
        assert tensor.__dlpack_device__()[0] == CUDA
        return DeviceArray(tensor.data_, cupy, tensor.device.id)

    cupy.asarray, cupy.from_dlpack = asarray, from_dlpack
    cupy.empty = lambda shape, dtype: _placed(np.zeros(shape, dtype))
    cupy.RawModule = lambda **options: Module(cupy, **options)
    runtime = types.SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=count,
        getDeviceProperties=lambda number: {"name": b"a GPU that is none", "sharedMemPerBlockOptin": shared},
    )
    cupy.cuda = types.SimpleNamespace(
        Device=Device,
        runtime=runtime,
        memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
        compiler=types.SimpleNamespace(CompileException=type("CompileException", (Exception,), {})),
        driver=types.SimpleNamespace(CUDADriverError=type("CUDADriverError", (Exception,), {})),
        get_current_stream=lambda: types.SimpleNamespace(synchronize=lambda: cupy.calls.append("synchronize")),
    )
    return cupy
