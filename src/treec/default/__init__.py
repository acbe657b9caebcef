"""The schedules that treec picks when none is given: for CPUs by `schedule`, for GPUs by `gpu`; each says why."""
