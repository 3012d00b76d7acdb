// The compiled kernel programs as bytes of the addon, so that there is one file to ship. The folder is named by the build.
    .section .rodata
    .balign 8
    .global sensor_object
    .hidden sensor_object
    .global sensor_object_end
    .hidden sensor_object_end
sensor_object:
    .incbin "sensor.bpf.o"
sensor_object_end:
    .section .note.GNU-stack, "", %progbits
